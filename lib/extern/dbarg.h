#ifndef DMBOX_EXTERN_DBARG_H
#define DMBOX_EXTERN_DBARG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "extern/db.h"

/* What dbarg.c makes of the arguments of a statement, and db.c sends. */

#define EPOCH_2000_US INT64_C(946684800000000)	/* where PostgreSQL's time begins */

struct db_arg {
	unsigned int type;	/* the server's number of it: Oid */
	bool null, array, has_null, has_value;
	int32_t elems;
	enum db_type elem;
	const void *borrowed;	/* else the bytes are in own, or in small */
	char *own;
	size_t n, cap;
	char small[40];
};

#endif
