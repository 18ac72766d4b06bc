# Written by "firstlight completion".
_ignition_validate() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=
	COMPREPLY=()
	if [[ $cur == = ]]; then
		prev+== cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	case $command:$prev in
	:--format= | :--format) mapfile -t COMPREPLY < <(compgen -W "line text json sarif" -- "$cur"); return ;;
	esac
	case $command:$cur in
	:-*) mapfile -t COMPREPLY < <(compgen -W "--help --format --version" -- "$cur"); return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _ignition_validate ignition-validate
