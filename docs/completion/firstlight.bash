# Written by "firstlight completion".
_firstlight() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "validate build convert plan facts rearm completion version help" -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]}:$prev in
	validate:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	build:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	convert:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	esac
	case ${COMP_WORDS[1]}:$cur in
	validate:-*) mapfile -t COMPREPLY < <(compgen -W "--help --files-dir --format --strict" -- "$cur"); return ;;
	build:-*) mapfile -t COMPREPLY < <(compgen -W "--help --check --files-dir --format --output --pretty --raw --strict --target --watch" -- "$cur"); return ;;
	convert:-*) mapfile -t COMPREPLY < <(compgen -W "--help --format --json --output --strict" -- "$cur"); return ;;
	plan:-*) mapfile -t COMPREPLY < <(compgen -W "--help --facts --json --live --root" -- "$cur"); return ;;
	facts:-*) mapfile -t COMPREPLY < <(compgen -W "--help --root" -- "$cur"); return ;;
	rearm:-*) mapfile -t COMPREPLY < <(compgen -W "--help --dry-run --root" -- "$cur"); return ;;
	completion:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	completion:*) mapfile -t COMPREPLY < <(compgen -W "bash zsh fish" -- "$cur"); return ;;
	version:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	help:-*) mapfile -t COMPREPLY < <(compgen -W "--help" -- "$cur"); return ;;
	help:*) mapfile -t COMPREPLY < <(compgen -W "validate build convert plan facts rearm completion version help" -- "$cur"); return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}
complete -o filenames -F _firstlight firstlight
