# daybook_generate(TARGET <target> PROTOS <file.proto>… [IMPORT_DIR <dir>])
#
# Generates C++ from .proto files and compiles it into <target>, which was added in the same
# folder. The files may `import "daybook/options.proto"` and each other. Paths, those in imports
# too, are relative to IMPORT_DIR (the current source folder unless given), and so are the generated
# headers: events/order.proto becomes #include "events/order.pb.h", here and in what links <target>.

cmake_policy(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/DaybookFindProtobuf.cmake")

function(daybook_generate)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;IMPORT_DIR" "PROTOS")
  if(NOT arg_TARGET OR NOT arg_PROTOS OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "usage: daybook_generate(TARGET <target> PROTOS <file.proto>… [IMPORT_DIR <dir>])")
  endif()
  if(NOT arg_IMPORT_DIR)
    set(arg_IMPORT_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
  get_filename_component(import_dir "${arg_IMPORT_DIR}" ABSOLUTE)
  get_property(daybook_protos GLOBAL PROPERTY DAYBOOK_PROTO_DIR)
  daybook_find_protobuf(REQUIRED)

  set(out "${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}_proto")
  file(MAKE_DIRECTORY "${out}")
  foreach(proto IN LISTS arg_PROTOS)
    get_filename_component(path "${proto}" ABSOLUTE BASE_DIR "${import_dir}")
    if(NOT EXISTS "${path}")
      message(FATAL_ERROR
        "daybook_generate: ${path} does not exist (paths are relative to ${import_dir})")
    endif()
    file(RELATIVE_PATH stem "${import_dir}" "${path}")
    if(stem MATCHES "^\\.\\./")
      message(FATAL_ERROR "daybook_generate: ${path} lies outside ${import_dir}. "
        "Say IMPORT_DIR <dir>: the folder that imports are relative to")
    endif()
    string(REGEX REPLACE "\\.proto$" "" stem "${stem}")
    set(source "${out}/${stem}.pb.cc")
    set(header "${out}/${stem}.pb.h")
    get_filename_component(folder "${source}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    add_custom_command(
      OUTPUT "${source}" "${header}"
      COMMAND protobuf::protoc "--cpp_out=${out}" "--dependency_out=${out}/${stem}.d"
              "-I${import_dir}" "-I${daybook_protos}" "${path}"
      DEPENDS "${path}" protobuf::protoc
      DEPFILE "${out}/${stem}.d"
      COMMENT "Generating ${stem}.pb.cc"
      VERBATIM)
    target_sources(${arg_TARGET} PRIVATE "${source}" "${header}")
    # Generated code is not ours to keep free of warnings.
    set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "-w")
  endforeach()
  target_include_directories(${arg_TARGET} SYSTEM PUBLIC $<BUILD_INTERFACE:${out}>)
endfunction()
