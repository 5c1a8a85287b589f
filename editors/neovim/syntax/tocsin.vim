" Colours of rule files. The server colours names too, from Neovim 0.9 on.
if exists("b:current_syntax") | finish | endif

syntax match tocsinName /`[^`]*`/
syntax match tocsinNumber /\<\d[0-9_.]*\(e[-+]\?\d\+\)\?\>/
syntax match tocsinDuration /\<\(\d\+\(us\|ms\|s\|m\|h\|d\|w\)\)\+\>/
syntax match tocsinTime /\<\d\{4}-\d\d-\d\d\(T[0-9:.]\+\(Z\|[-+][0-9:]\+\)\)\?/
syntax match tocsinRegex /\(matches\s\+\)\@<=\/[^\/]*\/i\?/
syntax region tocsinText start=/"/ skip=/\\"/ end=/"/ oneline
syntax match tocsinComment /#.*$/

syntax keyword tocsinDeclaration use allow event kind key list table const defaults feature features
syntax keyword tocsinDeclaration rule test
syntax keyword tocsinKeyword after alert all and any as at between by considering consume contains
syntax keyword tocsinKeyword description each else ends events ever every evidence except excluding
syntax keyword tocsinKeyword expect expires false falsepositives first for from gap greedy half
syntax keyword tocsinKeyword having id if in is known last latest match matches missing needs next
syntax keyword tocsinKeyword no not of once one optional or over owner per pii prefer prev previous
syntax keyword tocsinKeyword references session severity skip starting starts status tags then this
syntax keyword tocsinKeyword today true tumbling unique unless until up weight when where while with
syntax keyword tocsinKeyword within without word
syntax keyword tocsinWord critical draft high info internal live low medium shadow
syntax keyword tocsinFunction abs avg capture ceil coalesce concat count date distance_km distinct
syntax keyword tocsinFunction entropy ewma exp first floor hour ip_in last length ln lower matched
syntax keyword tocsinFunction max min mode normalize percentile pow round similarity since split
syntax keyword tocsinFunction sqrt stddev stddev_pop substring sum upper weekday
syntax keyword tocsinType bool int float decimal string time duration enum text regex network

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
