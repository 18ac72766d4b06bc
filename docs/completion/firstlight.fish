# Written by "firstlight completion".
complete -c firstlight -n __fish_use_subcommand -f -a validate -d 'check configs and report what is wrong with them'
complete -c firstlight -n __fish_use_subcommand -f -a completion -d 'print a script that completes command lines'
complete -c firstlight -n __fish_use_subcommand -f -a version -d 'print the version'
complete -c firstlight -n __fish_use_subcommand -f -a help -d 'explain firstlight, or one of its commands'
complete -c firstlight -n '__fish_seen_subcommand_from validate' -l format -x -a 'text line json sarif github' -d 'report form: text, line, json, sarif, github'
complete -c firstlight -n '__fish_seen_subcommand_from validate' -l strict -d 'fail on warnings and infos too'
complete -c firstlight -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
complete -c firstlight -n '__fish_seen_subcommand_from help' -f -a 'validate completion version help'
