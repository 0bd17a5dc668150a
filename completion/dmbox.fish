# fish completion of dmbox: sub-commands, and the options that their help names
function __dmbox_commands
	dmbox help 2>&1 | sed -n 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end
function __dmbox_options
	set -l words (commandline -opc)
	test (count $words) -ge 2; and dmbox help $words[2] 2>&1 | grep -o -- '--[a-z][a-z-]*' | sort -u
end
complete -c dmbox -n 'test (count (commandline -opc)) -eq 1; or __fish_seen_subcommand_from help' -f -a '(__dmbox_commands)'
complete -c dmbox -n 'test (count (commandline -opc)) -ge 2; and string match -q -- "-*" (commandline -ct)' -f -a '(__dmbox_options)'
