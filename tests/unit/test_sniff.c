/* What people attach, by its first bytes: what may go on, and as what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/sniff.h"
#include "base/str.h"

#define BYTES(s) s, sizeof(s) - 1
#define MS "application/vnd.openxmlformats-officedocument."

static const struct {
	const char *name, *bytes;
	size_t n;
	const char *mime, *ext;	/* NULL: nothing that is taken */
} files[] = {
	{ "order.docx", BYTES("PK\3\4\x14\0\6\0"), MS "wordprocessingml.document", ".docx" },
	{ "price.XLSX", BYTES("PK\3\4\x14\0\6\0"), MS "spreadsheetml.sheet", ".xlsx" },
	{ "letter.pages", BYTES("PK\3\4\x14\0\0\0"), "application/zip", ".zip" },
	{ "photos.zip", BYTES("PK\3\4\x0a\0\0\0"), "application/zip", ".zip" },
	{ "empty.zip", BYTES("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "application/octet-stream", ".bin" },
	{ "old.doc", BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"), "application/msword", ".doc" },
	{ "invoice.pdf", BYTES("%PDF-1.7\n%\xe2\xe3"), "application/pdf", ".pdf" },
	{ "plan.dwg", BYTES("AC1027\0\0\0\0\1\2\3"), "application/octet-stream", ".bin" },
	{ "photos.rar", BYTES("Rar!\x1a\7\1\0"), "application/octet-stream", ".bin" },
	{ "base.7z", BYTES("7z\xbc\xaf\x27\x1c\0\4"), "application/octet-stream", ".bin" },
	{ "log.gz", BYTES("\x1f\x8b\x08\0\1\2"), "application/octet-stream", ".bin" },
	{ "logo.psd", BYTES("8BPS\0\1\0\0"), "application/octet-stream", ".bin" },
	{ "scan.tif", BYTES("II*\0\x08\0\0\0"), "application/octet-stream", ".bin" },
	{ "IMG_1.HEIC", BYTES("\0\0\0\x24" "ftypheic\0\0\0\0"), "application/octet-stream", ".bin" },
	{ "act.pdf.sig", BYTES("\x30\x82\x0a\x1b\x06\x09"), "application/octet-stream", ".bin" },
	{ "contract.rtf", BYTES("{\\rtf1\\ansi Hi}"), "text/plain", ".txt" },
	{ "meeting.ics", BYTES("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), "text/plain", ".txt" },
	{ "ana.vcf", BYTES("BEGIN:VCARD\r\nFN:Ana\r\nEND:VCARD\r\n"), "text/vcard", ".vcf" },
	{ "list.csv", BYTES("name;price\r\n"), "text/csv", ".csv" },
	/* an older encoding of one byte a letter; two bytes a letter, as Excel writes "Unicode text" */
	{ "1c.csv", BYTES("\xd6\xe5\xed\xe0;100\r\n"), "text/csv", ".csv" },
	{ "dos.txt", BYTES("end\r\n\x1a"), "text/plain", ".txt" },
	{ "unicode.txt", BYTES("\xff\xfe" "a\0\t\0\x10\4\r\0\n\0"), "application/octet-stream", ".bin" },
	{ "unicode.txt", BYTES("\xfe\xff" "\0a\0\t\4\x10"), "application/octet-stream", ".bin" },
	/* nothing that could run or that a browser takes for a page */
	{ "nothing.bin", "", 0, NULL, NULL },
	{ "setup.bin", BYTES("MZ\x90\0\3\0"), NULL, NULL },
	{ "prog.dwg", BYTES("\x7f" "ELF\2\1\1"), NULL, NULL },
	{ "mac.dwg", BYTES("\xcf\xfa\xed\xfe\7"), NULL, NULL },
	{ "a.wasm", BYTES("\0asm\1\0\0\0"), NULL, NULL },
	{ "invoice.pdf.lnk", BYTES("L\0\0\0\1\x14\2\0\0\0"), NULL, NULL },
	{ "a.txt", BYTES("#!/bin/sh\n"), NULL, NULL },
	{ "a.ps", BYTES("%!PS-Adobe"), NULL, NULL },
	{ "a.csv", BYTES("\xd6\xe5;<script>"), NULL, NULL },
	{ "a.txt", BYTES("\xff\xfe" "<\0s\0c\0"), NULL, NULL },
	{ "a.txt", BYTES("\xff\xfe" "x\0<\0s\0"), NULL, NULL },
	{ "a.txt", BYTES("\xfe\xff" "\0x\0<\0/"), NULL, NULL },
	{ "a.bin", BYTES("<\0s\0c\0\4\4"), NULL, NULL },
	{ "a.bin", BYTES("\0\0 <html>\1"), NULL, NULL },
	{ ".htaccess", BYTES("\0AddHandler x"), NULL, NULL },
};

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const struct sniff *k = sniff(files[i].bytes, files[i].n, "application/octet-stream", files[i].name);

		if (!str_eq(k != NULL ? k->mime : NULL, files[i].mime))
			fail_msg("%s: %s", files[i].name, k != NULL ? k->mime : "refused");
		if (k == NULL)
			continue;
		assert_string_equal(k->ext, files[i].ext);
		assert_string_equal(k->type, "file");
	}
}

/* Whatever is said of it, bytes alone decide what it may not be. */
static void
test_said(void **state)
{
	static const char *const said[] = { "image/png", "text/html", "application/pdf", NULL };

	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		assert_null(sniff(BYTES("<html>"), said[i], "x.png"));
		assert_string_equal(sniff(BYTES("AC1027\0\1"), said[i], "x.png")->mime, "application/octet-stream");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_said) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
