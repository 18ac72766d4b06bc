#compdef ignition-validate
# Written by "firstlight completion".
_ignition_validate() {
	_arguments \
		'--help[explain the command]' \
		'--format=[report form; line, text, json, sarif]:form:(line text json sarif)' \
		'--version[print the version and exit]' \
		'*:file:_files'
}
_ignition_validate "$@"
