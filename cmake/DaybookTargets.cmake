# What all targets of this project share.

# Warnings for our own code; errors only where Daybook itself is what is being built.
set(DAYBOOK_WARNINGS -Wall -Wextra -Wpedantic
  $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wthread-safety>
  $<$<BOOL:${DAYBOOK_WARNINGS_ARE_ERRORS}>:-Werror>)

function(daybook_warnings target)
  target_compile_options(${target} PRIVATE ${DAYBOOK_WARNINGS})
endfunction()

# daybook_library(name sources…): the library daybook_<name>, alias daybook::<name>; with its
# headers, a component of the installed package.
function(daybook_library name)
  add_library(daybook_${name} ${ARGN})
  add_library(daybook::${name} ALIAS daybook_${name})
  set_target_properties(daybook_${name} PROPERTIES
    EXPORT_NAME ${name}
    POSITION_INDEPENDENT_CODE ON
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(daybook_${name} PUBLIC cxx_std_20)
  target_include_directories(daybook_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  daybook_warnings(daybook_${name})
  if(DAYBOOK_INSTALL)
    install(TARGETS daybook_${name} EXPORT daybook-${name}-targets)
    install(EXPORT daybook-${name}-targets NAMESPACE daybook::
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/daybook)
  endif()
endfunction()
