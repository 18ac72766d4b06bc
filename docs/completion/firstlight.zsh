#compdef firstlight
# Written by "firstlight completion".
_firstlight() {
	if ((CURRENT == 2)); then
		local -a commands=(
			'validate:check configs and report what is wrong with them'
			'completion:print a script that completes command lines'
			'version:print the version'
			'help:explain firstlight, or one of its commands'
		)
		_describe command commands
		return
	fi
	local command=$words[2]
	shift words
	((CURRENT--))
	case $command in
	validate)
		_arguments '--help[explain the command]' \
			'--format[report form; text, line, json, sarif, github]:form:(text line json sarif github)' \
			'--strict[fail on warnings and infos too]' \
			'*:file:_files'
		;;
	completion)
		_arguments '--help[explain the command]' \
			'1:argument:(bash zsh fish)'
		;;
	version)
		_arguments '--help[explain the command]' \
			'*:file:_files'
		;;
	help)
		_arguments '--help[explain the command]' \
			'1:argument:(validate completion version help)'
		;;
	esac
}
_firstlight "$@"
