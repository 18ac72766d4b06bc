#compdef firstlight
# Written by "firstlight completion".
_firstlight() {
	if ((CURRENT == 2)); then
		local -a commands=(
			'validate:check configs and report what is wrong with them'
			'build:translate YAML into the configs that machines read'
			'convert:turn Ignition configs and cloud-config into YAML'
			'plan:show what a first boot would do to a machine'
			'facts:print what planning a config needs to know about this machine'
			'rearm:have the next boot provision this machine or an image again'
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
		_arguments \
			'--help[explain the command]' \
			'--files-dir=[read local files below this dir only]:dir:_files -/' \
			'--format=[report form; text, line, json, sarif, github]:form:(text line json sarif github)' \
			'--strict[fail on warnings and infos too]' \
			'*:file:_files'
		;;
	build)
		_arguments \
			'--help[explain the command]' \
			'--check[report only; write no config]' \
			'--files-dir=[read local files below this dir only]:dir:_files -/' \
			'--format=[report form; text, line, json, sarif, github]:form:(text line json sarif github)' \
			'--output=[file to write to, or a directory]:file:_files' \
			'--pretty[indent the config]' \
			'--raw[write no MachineConfig around the config]' \
			'--strict[fail on warnings and infos too]' \
			'--target=[spec version that machines read; 3.4.0, fcos@38]:version:' \
			'--watch[build again whenever a document or local file changes]' \
			'*:file:_files'
		;;
	convert)
		_arguments \
			'--help[explain the command]' \
			'--format=[report form; text, line, json, sarif, github]:form:(text line json sarif github)' \
			'--json[write JSON of version 3.x instead of YAML]' \
			'--output=[file to write to]:file:_files' \
			'--strict[fail if anything is left out or changed]' \
			'*:file:_files'
		;;
	plan)
		_arguments \
			'--help[explain the command]' \
			'--facts=[file with the facts of a machine; - for standard input]:file:_files' \
			'--json[print the plan as JSON]' \
			'--live[plan for this machine]' \
			'--root=[dir of the target root, with --live]:dir:_files -/' \
			'*:file:_files'
		;;
	facts)
		_arguments \
			'--help[explain the command]' \
			'--root=[dir of the target root]:dir:_files -/' \
			'*:file:_files'
		;;
	rearm)
		_arguments \
			'--help[explain the command]' \
			'--dry-run[print what would be changed, and change nothing]' \
			'--root=[dir of the root to arm]:dir:_files -/' \
			'*:file:_files'
		;;
	completion)
		_arguments \
			'--help[explain the command]' \
			'1:argument:(bash zsh fish)'
		;;
	version)
		_arguments \
			'--help[explain the command]' \
			'*:file:_files'
		;;
	help)
		_arguments \
			'--help[explain the command]' \
			'1:argument:(validate build convert plan facts rearm completion version help)'
		;;
	esac
}
_firstlight "$@"
