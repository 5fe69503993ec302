# daybook_find_protobuf([REQUIRED]): protobuf::libprotobuf and protobuf::protoc.
#
# Newer Protobufs bring a CMake package, and need it: their libraries depend on Abseil's. Debian's
# has none, so CMake's own module finds it there.

macro(daybook_find_protobuf)
  if(NOT TARGET protobuf::protoc OR NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf CONFIG QUIET)
  endif()
  if(NOT TARGET protobuf::protoc OR NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf MODULE ${ARGN})
  endif()
endmacro()
