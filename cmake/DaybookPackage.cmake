# find_package(daybook): the installed package, and the same inside this tree.

include(CMakePackageConfigHelpers)

set(DAYBOOK_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/daybook")
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/daybook-config.cmake.in" "${PROJECT_BINARY_DIR}/daybook-config.cmake"
  INSTALL_DESTINATION "${DAYBOOK_PACKAGE_DIR}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0, a minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/daybook-config-version.cmake"
  COMPATIBILITY SameMinorVersion)

if(DAYBOOK_INSTALL)
  foreach(part eventstore framework)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${part}/include/daybook"
            DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
  endforeach()
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/proto/daybook"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.proto")
  install(DIRECTORY "${PROJECT_BINARY_DIR}/framework/daybook_framework_proto/daybook"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.pb.h")
  install(FILES
    "${PROJECT_BINARY_DIR}/daybook-config.cmake"
    "${PROJECT_BINARY_DIR}/daybook-config-version.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/DaybookFindProtobuf.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/DaybookFindRabbitMqC.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/DaybookGenerate.cmake"
    DESTINATION "${DAYBOOK_PACKAGE_DIR}")
endif()

# Whoever says find_package(daybook) in this build gets the targets of this build.
file(COPY
  "${PROJECT_BINARY_DIR}/daybook-config.cmake"
  "${PROJECT_BINARY_DIR}/daybook-config-version.cmake"
  DESTINATION "${CMAKE_FIND_PACKAGE_REDIRECTS_DIR}")
