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
/* name_class(p, n): of a member's whole name, or of the first part of a dotted one, in
 * whatever style it is written. */
enum name_class name_class(const char *p, size_t n);

/* name_rank(sender): 1 of a name by which a platform has the person beside the id that the
 * documented names (0) have: of less weight, and no contradiction. */
int name_rank(const char *sender);

/* The names of a file's address; the list ends with a NULL name. */
struct name_file {
	const char *name;
	const char *type;	/* image, video, ...; NULL: the name does not say */
};
extern const struct name_file names_file[];

/* name_same(a, an, b, bn): but for case and for blanks, dots, - and _ the same name? */
bool name_same(const char *a, size_t an, const char *b, size_t bn);
/*
 * name_spelled(p, n, part): the name of the lists that p[0..n] is, or is in another style
 * ("ContactId", "contact-id"); a part of a dotted one is copied into part.
 *
 * Returns  a static text or part; NULL where no list has it.
 */
const char *name_spelled(const char *p, size_t n, char part[32]);

#endif
