# Written by "firstlight completion".
_firstlight() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "validate completion version help" -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]}:$prev in
	validate:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	esac
	case ${COMP_WORDS[1]}:$cur in
	validate:-*) mapfile -t COMPREPLY < <(compgen -W "--help --format --strict" -- "$cur"); return ;;
	completion:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	completion:*) mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$cur"); return ;;
	version:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	help:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	help:*) mapfile -t COMPREPLY < <(compgen -W "validate completion version help" -- "$cur"); return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _firstlight firstlight
