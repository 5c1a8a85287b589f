# The program installed (cmake --install BUILD --component program) and as a package of Debian (./do package).
#
# The target `package_papers` makes what comes of the program itself: manual pages of --help, completions, the list of libraries
# and their licences. Without it they are left out.
find_program(TOCSIN_PAPERS_PYTHON python3)
set(papers "${CMAKE_BINARY_DIR}/papers")
add_custom_target(package_papers
  COMMAND "${TOCSIN_PAPERS_PYTHON}" "${PROJECT_SOURCE_DIR}/scripts/man_pages.py" "$<TARGET_FILE:tocsin>" "${papers}/man"
  COMMAND "${TOCSIN_PAPERS_PYTHON}" "${PROJECT_SOURCE_DIR}/scripts/package_papers.py" "$<TARGET_FILE:tocsin>" "${papers}"
  COMMAND "$<TARGET_FILE:tocsin>" completion bash > "${papers}/tocsin.bash"
  COMMAND "$<TARGET_FILE:tocsin>" completion zsh > "${papers}/_tocsin"
  COMMAND "$<TARGET_FILE:tocsin>" completion fish > "${papers}/tocsin.fish"
  COMMAND gzip -9nkf "${PROJECT_SOURCE_DIR}/CHANGELOG.md" -c > "${papers}/changelog.gz"
  COMMENT "Manual pages, completions and lists of libraries" VERBATIM)
add_dependencies(package_papers tocsin)

install(TARGETS tocsin RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT program)
install(DIRECTORY "${papers}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT program OPTIONAL)
install(FILES "${papers}/tocsin.bash" DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME tocsin
  COMPONENT program OPTIONAL)
install(FILES "${papers}/_tocsin" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions" COMPONENT program OPTIONAL)
install(FILES "${papers}/tocsin.fish" DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" COMPONENT program OPTIONAL)
install(FILES "${papers}/copyright" "${papers}/tocsin.cdx.json" "${papers}/changelog.gz"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/tocsin" COMPONENT program OPTIONAL)
# Editors lead from a diagnostic to its page.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/errors" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/tocsin" COMPONENT program
  FILES_MATCHING PATTERN "*.md")
install(FILES "${PROJECT_SOURCE_DIR}/deploy/alerts.yml" "${PROJECT_SOURCE_DIR}/deploy/grafana.json"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/tocsin/examples" COMPONENT program)
# `tocsin serve /usr/share/doc/tocsin/examples/payments --demo` needs nothing else.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/samples/payments" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/tocsin/examples"
  COMPONENT program FILES_MATCHING PATTERN "*.tocsin")

# What only a package has, and no other installation: settings that stay when they were edited, and the unit with a user of its own.
set(unit "${CMAKE_BINARY_DIR}/package/tocsin.service")
file(READ "${PROJECT_SOURCE_DIR}/deploy/tocsin.service" text)
string(REGEX REPLACE "^#[^\n]*\n" "" text "${text}")
string(REPLACE "/usr/local/bin/tocsin" "/usr/bin/tocsin" text "${text}")
string(REPLACE "DynamicUser=yes" "User=tocsin\nGroup=tocsin" text "${text}")
file(WRITE "${unit}" "${text}")
install(FILES "${unit}" DESTINATION /lib/systemd/system COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES "${PROJECT_SOURCE_DIR}/deploy/package/tocsin.toml" DESTINATION /etc/tocsin COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME tocsin)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "The authors of Tocsin <tocsin@localhost>")
set(CPACK_SET_DESTDIR ON)  # for what is not below the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)  # the program in the package is the one that was tested
set(CPACK_COMPONENTS_ALL program debian)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Complex event processing and alerts
Tocsin raises alerts from streams of events, by rules that analysts write. It
delivers them by signed webhook. The package has a server under systemd, which
listens on this machine alone until it is told otherwise.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/deploy/package/conffiles;${PROJECT_SOURCE_DIR}/deploy/package/postinst;${PROJECT_SOURCE_DIR}/deploy/package/prerm;${PROJECT_SOURCE_DIR}/deploy/package/postrm")
include(CPack)
