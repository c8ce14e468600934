/* What belongs to a mail folder: a Maildir with its inner ones, or any folder of files. Reading it
 * all is mc_mailbox_read_path() of bounce/mailbox.h. */
#ifndef MC_BOUNCE_FOLDER_H
#define MC_BOUNCE_FOLDER_H

#include <stdbool.h>

#include "bounce/mailbox.h"

enum mc_entry { MC_ENTRY_NONE, MC_ENTRY_FILE, MC_ENTRY_FOLDER };

/* What to make of a name in an open folder; `type` is that of readdir, `maildir` what is told of
 * the folder by the function below. */
enum mc_entry mc_folder_entry(int folder, const char *name, unsigned char type, bool maildir);
bool mc_folder_is_maildir(int folder);

#endif
