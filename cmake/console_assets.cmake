# cmake -DDIST=FOLDER -DSOURCE=FILE.cpp -P console_assets.cmake: writes the source that has the files FOLDER/**.gz as bytes
# (api/console/console_assets.h). The assembler reads them, which takes no time, as an array in C++ would.
file(GLOB_RECURSE files RELATIVE "${DIST}" "${DIST}/*.gz")
list(SORT files)
set(bytes "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  file(SHA256 "${DIST}/${file}" digest)  # in the source too, so that other bytes are another source to a compiler cache
  string(REGEX REPLACE "\\.gz$" "" name "${file}")
  if(name MATCHES "\\.html$")
    set(type "text/html; charset=utf-8")
  elseif(name MATCHES "\\.js$")
    set(type "text/javascript; charset=utf-8")
  elseif(name MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(name MATCHES "\\.svg$")
    set(type "image/svg+xml")
  elseif(name MATCHES "\\.txt$")
    set(type "text/plain; charset=utf-8")
  else()
    message(FATAL_ERROR "${DIST}/${file}: no media type is known for it")
  endif()
  set(is_immutable false)
  if(name MATCHES "^assets/.*-[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z]\\.")
    set(is_immutable true)
  endif()
  set(symbol "tocsin_console_file_${number}")
  string(APPEND bytes
    "asm(\".pushsection .rodata\\n\"\n"
    "    \".global ${symbol}\\n.global ${symbol}_end\\n\"\n"
    "    \".hidden ${symbol}\\n.hidden ${symbol}_end\\n\"\n"
    "    \"${symbol}:\\n.incbin \\\"${DIST}/${file}\\\"\\n${symbol}_end:\\n\"\n"
    "    \".popsection\\n\");\n"
    "extern \"C\" const char ${symbol}[];\nextern \"C\" const char ${symbol}_end[];\n")
  string(APPEND rows
    "      {\"/console/${name}\", \"${type}\", {${symbol}, ${symbol}_end},\n"
    "       \"${digest}\", ${is_immutable}},\n")
  math(EXPR number "${number} + 1")
endforeach()
# For whoever says what is in the program (scripts/package_papers.py).
get_filename_component(folder "${SOURCE}" DIRECTORY)
file(REMOVE "${folder}/licences.txt.gz")
if(EXISTS "${DIST}/assets/licences.txt.gz")
  file(COPY_FILE "${DIST}/assets/licences.txt.gz" "${folder}/licences.txt.gz")
endif()
file(WRITE "${SOURCE}.new"
"// Written by cmake/console_assets.cmake.
#include \"api/console/console_assets.h\"

#include <array>

${bytes}
namespace tocsin::api {
std::span<const ConsoleAsset> console_assets() {
  static const std::array<ConsoleAsset, ${number}> kAssets = {{
${rows}  }};
  return kAssets;
}
}  // namespace tocsin::api
")
file(RENAME "${SOURCE}.new" "${SOURCE}")
