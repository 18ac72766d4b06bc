# Written by "firstlight completion".
complete -c ignition-validate -l help -d 'explain the command'
complete -c ignition-validate -l format -x -a 'line text json sarif' -d 'report form: line, text, json, sarif'
complete -c ignition-validate -l version -d 'print the version and exit'
