autocmd BufRead,BufNewFile *.tocsin setfiletype tocsin
