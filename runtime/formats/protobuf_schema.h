/// Schemas of Protobuf, and the messages that were written with them, by libprotobuf's descriptors:
/// there is no generated code. If it was not built with that library, everything here says so.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "runtime/formats/message_schema.h"
#include "runtime/formats/schema_registry.h"

namespace tocsin::runtime {
/// Reads the text of a .proto file, whose imports are the schema's references or libprotobuf's own.
/// Its messages begin with the path to their type in the file, as Confluent's serializers write it.
/// Fails with kCorrupt for what is no schema, kLimit for one that is nested too deeply,
/// kUnsupported if it was built without libprotobuf.
Result<std::shared_ptr<const MessageSchema>> read_protobuf_schema(const RegisteredSchema& schema,
                                                                  EventTypeFrom type_from);
/// Reads a FileDescriptorSet (`protoc --include_imports --descriptor_set_out=FILE`). Its messages
/// are bare, and all of the type with this full name. Fails likewise; with kNotFound if there is no
/// such type.
Result<std::shared_ptr<const MessageSchema>> read_descriptor_set(std::string_view set,
                                                                 std::string_view message,
                                                                 EventTypeFrom type_from);
/// The library's version; nothing: it was built without.
std::optional<std::string> protobuf_library_version();
}  // namespace tocsin::runtime
