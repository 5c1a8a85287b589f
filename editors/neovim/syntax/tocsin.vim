" Colours of rule files. The server colours names too, from Neovim 0.9 on.
if exists("b:current_syntax") | finish | endif

syntax match tocsinName /`[^`]*`/
syntax match tocsinNumber /\<\d[0-9_.]*\(e[-+]\?\d\+\)\?\>/
syntax match tocsinDuration /\<\(\d[0-9_]*\(ms\|s\|m\|h\|d\|w\)\)\+\>/
syntax match tocsinTime /\<\d\{4}-\d\d-\d\d\(T[0-9:.]\+\(Z\|[-+][0-9:]\+\)\)\?/
syntax match tocsinRegex /\(matches\s\+\)\@<=\/[^\/]*\/i\?/
syntax region tocsinText start=/"/ skip=/\\./ end=/"/ oneline
syntax match tocsinComment /#.*$/

" words, written by editors/grammars.py
syntax keyword tocsinDeclaration allow const defaults event feature features key kind list rule
syntax keyword tocsinDeclaration table test use
syntax keyword tocsinKeyword after alert alerted all and any as at between by case considering
syntax keyword tocsinKeyword consume day description each else ends events ever every evidence
syntax keyword tocsinKeyword except excluding expect expires falsepositives first for from gap
syntax keyword tocsinKeyword greedy half having id if ignoring in is known last late latest life
syntax keyword tocsinKeyword match matches missing month most needs next no not of once one optional
syntax keyword tocsinKeyword or order over owner past per pii prefer prev previous references
syntax keyword tocsinKeyword session severity skip starting starts status tags then this times to
syntax keyword tocsinKeyword today tumbling unique unless until up week weight when where while with
syntax keyword tocsinKeyword within without word year
syntax match tocsinKeyword /\<contains\>/
syntax keyword tocsinWord critical draft false high info internal live low medium shadow true
syntax keyword tocsinType bool date decimal duration enum float int network regex string text time
syntax keyword tocsinFunction abs avg capture ceil coalesce concat count distance_km distinct
syntax keyword tocsinFunction entropy ewma exp floor hour ip_in length ln lower matched max min mode
syntax keyword tocsinFunction normalize percentile pow round similarity since split sqrt stddev
syntax keyword tocsinFunction stddev_pop substring sum upper weekday
" end of words

highlight default link tocsinComment Comment
highlight default link tocsinDeclaration Structure
highlight default link tocsinDuration Number
highlight default link tocsinFunction Function
highlight default link tocsinKeyword Keyword
highlight default link tocsinName Identifier
highlight default link tocsinNumber Number
highlight default link tocsinRegex String
highlight default link tocsinText String
highlight default link tocsinTime Number
highlight default link tocsinType Type
highlight default link tocsinWord Constant

let b:current_syntax = "tocsin"
