# Flags that every target shares, and the functions that make one library per folder and one test
# program per test folder.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

set(TOCSIN_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread")
option(TOCSIN_TESTS "Build the tests and benchmarks (needs doctest)" ON)
set(TOCSIN_UNITY 0 CACHE STRING "Compile so many sources of a target as one file, which is shorter from nothing")
set(TOCSIN_KAFKA AUTO CACHE STRING "Kafka by librdkafka: AUTO (where it is installed), ON or OFF")
set(TOCSIN_PROTOBUF AUTO CACHE STRING "Messages of Protobuf by libprotobuf: AUTO (where it is installed), ON or OFF")
set(TOCSIN_FLINK AUTO CACHE STRING "What Java needs for Apache Flink: AUTO (where a JDK is installed), ON or OFF")
option(TOCSIN_FUZZ "Build the fuzz targets of tests/fuzz (needs clang)" OFF)

# The same numbers on every machine: no fused multiply-add behind our back, one instruction set.
# -mpclmul lets simdjson choose its SSE4.2 kernel at compile time; the compiler never emits it alone.
add_compile_options(-ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  add_compile_options(-march=x86-64-v2 -mpclmul)
endif()
# g++ judges; clang, which makes the fuzz targets, warns differently.
add_compile_options(-Wall -Wextra -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns of overlap in inlined std::string concatenation that does not overlap (PR 105651).
  add_compile_options(-Werror -Wno-restrict)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    # From 13 on it takes the alternatives that a moved std::variant does not hold for unset values.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

if(TOCSIN_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
  add_compile_options(-fsanitize=${TOCSIN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TOCSIN_SANITIZE})
  if(TOCSIN_SANITIZE MATCHES "address")
    # Millions of relocations, for the descriptions of places that the sanitizers print, are a third
    # of the time in which a program starts; tests start it thousands of times.
    add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
  endif()
  if(TOCSIN_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What follows a null pointer ends in any case; the preset `fuzz` has these checks.
    add_compile_options(-fno-sanitize=null,vptr,object-size)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumentation misleads warnings that follow values, inside <regex> for one; the other
    # presets have them.
    add_compile_options(-Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow
                        -Wno-stringop-overread -Wno-free-nonheap-object -Wno-dangling-pointer)
  endif()
endif()
if(TOCSIN_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A class of a source may have members of types in its unnamed namespace, which g++ takes for a
  # header's; and a local name may be that of another source's header. The presets `dev` and `lint`
  # judge both.
  add_compile_options(-Wno-subobject-linkage -Wno-shadow)
  # A group fills more than the 128 MiB at which g++ begins to look for memory to use again, which takes it a tenth
  # of its time; without, the largest need a third more: 1.2 GB.
  add_compile_options(--param=ggc-min-heapsize=1048576)
endif()
if(TOCSIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
elseif(NOT TOCSIN_SANITIZE)
  # The program names no folder of the machine that built it: the same sources give the same bytes in
  # every folder.
  add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
endif()

# An indirect call or jump lands only where one may, and a return goes back to where its call was, as far as
# the processor, the kernel and the C runtime check it. All that is linked has to be compiled so.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TOCSIN_SANITIZE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-fcf-protection=full TOCSIN_HAS_CF_PROTECTION)
  check_cxx_compiler_flag(-mbranch-protection=standard TOCSIN_HAS_BRANCH_PROTECTION)
  if(TOCSIN_HAS_CF_PROTECTION)
    add_compile_options(-fcf-protection=full)
  elseif(TOCSIN_HAS_BRANCH_PROTECTION)
    add_compile_options(-mbranch-protection=standard)
  endif()
endif()

find_program(TOCSIN_CCACHE ccache)
if(TOCSIN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    sh "${PROJECT_SOURCE_DIR}/cmake/cached_compile.sh" "${TOCSIN_CCACHE}" "${PROJECT_SOURCE_DIR}")
endif()
find_program(TOCSIN_MOLD mold)
if(TOCSIN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Folders that read bytes from outside find overruns of buffers while they run. The engine (cep/), to which
# values come decoded, would pay for it with 4 to 9 % of its instructions.
set(TOCSIN_GUARDED api library rules runtime)
set(TOCSIN_GUARDS "")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TOCSIN_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(TOCSIN_GUARDS -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()

# tocsin_reads_no_words()
# What this directory has reads no objects out of bytes, as the engine and the runtime do. Whether pointers are
# aligned is a quarter of a compiler's work under the sanitizers.
macro(tocsin_reads_no_words)
  if(TOCSIN_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fno-sanitize=alignment)
  endif()
endmacro()

# tocsin_harden(TARGET)
# Nothing that the loader filled in can be written later, and no page of the stack is run. Code for any address is the
# compiler's default where packages are built; the suite `package` looks at what came of it.
function(tocsin_harden target)
  target_compile_options(${target} PRIVATE ${TOCSIN_GUARDS})
  if(NOT TOCSIN_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
  endif()
endfunction()

# tocsin_leave_out(FILE…)
# What is not part of its folder in this build. BUILD/left_out.txt lists it.
file(WRITE "${CMAKE_BINARY_DIR}/left_out.txt" "")
function(tocsin_leave_out)
  set_property(DIRECTORY APPEND PROPERTY TOCSIN_LEFT_OUT ${ARGN})
  foreach(file IN LISTS ARGN)
    file(APPEND "${CMAKE_BINARY_DIR}/left_out.txt" "${CMAKE_CURRENT_SOURCE_DIR}/${file}\n")
  endforeach()
endfunction()

# tocsin_folder(NAME DEPENDS … LIBRARIES … PRIVATE_LIBRARIES …)
# Makes the library `tocsin_TOP_NAME` (alias `tocsin::TOP_NAME`) of the sources in TOP/NAME, where TOP is
# the folder of the CMakeLists.txt. Headers are included from the repository root, as in
# "cep/plan/plan.h". DEPENDS are the folders whose headers it includes, as in `cep/value`; a house test
# compares them with the #include lines. LIBRARIES are included by its headers, PRIVATE_LIBRARIES only
# by its .cpp files. A folder without .cpp files is an INTERFACE library. Where TOCSIN_IN_LIBRARY is set
# its objects may become part of libtocsin.so, which takes the same as the program: code for any
# address, of which nothing is seen outside.
function(tocsin_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LIBRARIES;PRIVATE_LIBRARIES")
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME top)
  set(target "tocsin_${top}_${name}")
  file(GLOB sources CONFIGURE_DEPENDS ${name}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${name}/*.h)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  get_property(left_out DIRECTORY PROPERTY TOCSIN_LEFT_OUT)
  if(left_out)
    list(TRANSFORM left_out PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
    list(REMOVE_ITEM sources ${left_out})
    list(REMOVE_ITEM headers ${left_out})
  endif()
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE_LIBRARIES})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  if(sources AND top IN_LIST TOCSIN_GUARDED)
    target_compile_options(${target} PRIVATE ${TOCSIN_GUARDS})
  endif()
  if(sources AND TOCSIN_IN_LIBRARY)
    set_target_properties(${target} PROPERTIES
      POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}")
  foreach(folder IN LISTS arg_DEPENDS)
    string(REPLACE "/" "_" depend "tocsin_${folder}")
    if(NOT TARGET ${depend})
      message(FATAL_ERROR "${top}/${name}: no folder ${folder} before it")
    endif()
    target_link_libraries(${target} ${scope} ${depend})
  endforeach()
  target_link_libraries(${target} ${scope} ${arg_LIBRARIES})
  if(headers)
    # With CMAKE_VERIFY_INTERFACE_HEADER_SETS each header is compiled alone.
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}"
                   FILES ${headers})
  endif()
  add_library(tocsin::${top}_${name} ALIAS ${target})
  set_property(DIRECTORY APPEND PROPERTY TOCSIN_FOLDERS ${target})
endfunction()

# Makes `tocsin::TOP`: all folders of this CMakeLists.txt, for tests and programs.
function(tocsin_folders)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME top)
  get_property(targets DIRECTORY PROPERTY TOCSIN_FOLDERS)
  add_library(tocsin_${top} INTERFACE)
  target_link_libraries(tocsin_${top} INTERFACE ${targets})
  add_library(tocsin::${top} ALIAS tocsin_${top})
endfunction()

# tocsin_test(NAME SOURCES … DEPENDS … PRIVATE_DEPENDS …)
# Makes the doctest program `NAME_tests` in build/PRESET/tests and registers it with ctest;
# does nothing while there is no source.
function(tocsin_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  if(NOT arg_SOURCES)
    return()
  endif()
  set(target "${name}_tests")
  add_executable(${target} ${arg_SOURCES})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(
    ${target} PRIVATE TOCSIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                      TOCSIN_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${target} PRIVATE tocsin_test_main doctest::doctest ${arg_DEPENDS})
  add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
endfunction()

# Appends a line `TARGET;SOURCE;SOURCE…` to the variable if the target has several sources.
function(tocsin_list_sources target variable)
  get_target_property(type ${target} TYPE)
  if(NOT type MATCHES "^(STATIC_LIBRARY|EXECUTABLE)$")
    return()
  endif()
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  list(LENGTH sources count)
  if(count GREATER 1)
    list(TRANSFORM sources REPLACE "^([^/].*)$" "${folder}/\\1")
    set(${variable} "${${variable}}${target};${sources}\n" PARENT_SCOPE)
  endif()
endfunction()

# tocsin_unity(FOLDER|TARGET…)
# With TOCSIN_UNITY, puts the sources of these targets, or of all targets of these folders, into groups
# of so many that compile as one file each; called after all targets. cmake/unity_groups.py chooses sources whose
# names do not get in each other's way.
function(tocsin_unity)
  if(NOT TOCSIN_UNITY)
    return()
  endif()
  find_program(TOCSIN_PYTHON python3 REQUIRED)
  set(lines "")
  foreach(name IN LISTS ARGN)
    set(targets "")
    if(TARGET ${name})
      set(targets ${name})
    elseif(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/${name}")
      get_property(targets DIRECTORY "${PROJECT_SOURCE_DIR}/${name}" PROPERTY BUILDSYSTEM_TARGETS)
    endif()
    foreach(target IN LISTS targets)
      tocsin_list_sources(${target} lines)
    endforeach()
  endforeach()
  file(WRITE "${CMAKE_BINARY_DIR}/unity_targets.txt" "${lines}")
  execute_process(
    COMMAND "${TOCSIN_PYTHON}" "${PROJECT_SOURCE_DIR}/cmake/unity_groups.py" "${PROJECT_SOURCE_DIR}" "${TOCSIN_UNITY}"
    INPUT_FILE "${CMAKE_BINARY_DIR}/unity_targets.txt"
    OUTPUT_FILE "${CMAKE_BINARY_DIR}/unity_groups.cmake"
    COMMAND_ERROR_IS_FATAL ANY)
  include("${CMAKE_BINARY_DIR}/unity_groups.cmake")
endfunction()
