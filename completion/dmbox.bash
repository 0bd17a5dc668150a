# bash completion of dmbox: sub-commands, and the options that their help names
_dmbox() {
	local cur=${COMP_WORDS[COMP_CWORD]} sub=${COMP_WORDS[1]} words
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(dmbox help 2>&1 | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
	elif [ "$sub" = help ]; then
		words=$(dmbox help 2>&1 | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p')
	elif [ "${cur#-}" != "$cur" ]; then
		words=$(dmbox help "$sub" 2>&1 | grep -o -- '--[a-z][a-z-]*' | sort -u)
	else
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _dmbox dmbox
