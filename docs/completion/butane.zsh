#compdef butane
# Written by "firstlight completion".
_butane() {
	_arguments \
		'(-c --check)'{-c,--check}'[check the input and report; write no output]' \
		'--color=-[color reports; auto, always, never]::when:(auto always never)' \
		'(-d --files-dir)'{-d+,--files-dir=}'[directory of local files]:dir:_files -/' \
		'(-h --help)'{-h,--help}'[show this text]' \
		'(-o --output)'{-o+,--output=}'[write to a file instead of standard output]:file:_files' \
		'(-p --pretty)'{-p,--pretty}'[indent JSON]' \
		'(-r --raw)'{-r,--raw}'[never wrap the config in a MachineConfig]' \
		'--raw-errors[report in one line each]' \
		'(-s --strict)'{-s,--strict}'[fail on any warning]' \
		'(-V --version)'{-V,--version}'[print the version]' \
		'*:file:_files'
}
_butane "$@"
