#ifndef DMBOX_PROVIDER_CHATRACE_NAMES_H
#define DMBOX_PROVIDER_CHATRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The names under which flows send a field, in the order in which they count
 * (earlier-system.md, "Shapes of a Chatrace body").  The reader and the rescue of
 * broken templates share them.  Each list ends with NULL; a dot leads into an object.
 */
extern const char *const names_sender[],
    *const names_recipient[], *const names_id[], *const names_text[],
						     *const names_username[],
							 *const names_name[],
							     *const names_picture[],
								 *const names_time[],
								     *const names_reply[];

/* What a name is of, for deciding what a customer's words may say. */
enum name_class {
	NAME_OTHER,
	NAME_IDENTITY,	/* whose message, which message, from which side */
	NAME_TEXT,	/* the customer's words */
	/* data of the contact (name, e-mail, phone), which are not words of the text */
	NAME_PROFILE
};
/* name_class(p, n): of a member's whole name, or of the first part of a dotted one. */
enum name_class name_class(const char *p, size_t n);

#endif
