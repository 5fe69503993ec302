# daybook_find_rabbitmq_c(): rabbitmq::rabbitmq and OpenSSL::SSL, where they are there.
#
# rabbitmq-c brings a CMake package only if it was built with CMake; it always brings a .pc file.

macro(daybook_find_rabbitmq_c)
  find_package(OpenSSL QUIET)
  if(NOT TARGET rabbitmq::rabbitmq)
    find_package(rabbitmq-c CONFIG QUIET)
  endif()
  if(NOT TARGET rabbitmq::rabbitmq)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(daybook_rabbitmq_c QUIET IMPORTED_TARGET librabbitmq)
    endif()
    if(TARGET PkgConfig::daybook_rabbitmq_c)
      add_library(rabbitmq::rabbitmq INTERFACE IMPORTED)
      set_target_properties(rabbitmq::rabbitmq PROPERTIES
        INTERFACE_LINK_LIBRARIES PkgConfig::daybook_rabbitmq_c)
    endif()
  endif()
endmacro()
