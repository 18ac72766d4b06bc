# Written by "firstlight completion".
_butane() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=
	COMPREPLY=()
	if [[ $cur == = ]]; then
		prev+== cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	case $command:$prev in
	:--color=) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$cur"); return ;;
	:--files-dir= | :--files-dir | :-d) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	:--output= | :--output | :-o) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	case $command:$cur in
	:-*) mapfile -t COMPREPLY < <(compgen -W "--check --color --files-dir --help --output --pretty --raw --raw-errors --strict --version" -- "$cur"); return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _butane butane
