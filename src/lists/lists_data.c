#include "lists/lists_data.h"

/* Made by data/compile_lists.c. */
#include "lists_tables.h"
