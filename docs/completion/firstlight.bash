# Written by "firstlight completion".
_firstlight() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "validate build convert plan facts rearm completion version help" -- "$cur")
		return
	fi
	command=${COMP_WORDS[1]}
	if [[ $cur == = ]]; then
		prev+== cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}=
	fi
	case $command:$prev in
	validate:--files-dir= | validate:--files-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	validate:--format= | validate:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	build:--files-dir= | build:--files-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	build:--format= | build:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	build:--output= | build:--output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	build:--target= | build:--target) mapfile -t COMPREPLY < <(compgen -W '' -- "$cur"); return ;;
	convert:--format= | convert:--format) mapfile -t COMPREPLY < <(compgen -W "text line json sarif github" -- "$cur"); return ;;
	convert:--output= | convert:--output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	plan:--facts= | plan:--facts) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	plan:--root= | plan:--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	facts:--root= | facts:--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	rearm:--root= | rearm:--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	esac
	case $command:$cur in
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
