/* A file that nobody else sees: what does not belong into memory, for the length of a run. */
#ifndef MC_BASE_SPOOL_H
#define MC_BASE_SPOOL_H

/* Where spools are: $TMPDIR, else /tmp. */
const char *mc_spool_folder(void);
/* A new one, readable and writable, without a name. The caller closes it. -1 and errno on failure.
 */
int mc_spool_open(void);

#endif
