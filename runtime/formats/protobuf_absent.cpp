// In place of Protobuf's schemas where the program is built without libprotobuf.
#include "runtime/formats/protobuf_schema.h"

namespace tocsin::runtime {
namespace {
constexpr const char* kWhy =
    "this tocsin was built without Protobuf: install libprotobuf (./do setup kafka) and build it "
    "again";
}  // namespace

Result<std::shared_ptr<const MessageSchema>> read_protobuf_schema(
    const RegisteredSchema& /*schema*/, EventTypeFrom /*type_from*/) {
  return fail(Errc::kUnsupported, kWhy);
}

Result<std::shared_ptr<const MessageSchema>> read_descriptor_set(std::string_view /*set*/,
                                                                 std::string_view /*message*/,
                                                                 EventTypeFrom /*type_from*/) {
  return fail(Errc::kUnsupported, kWhy);
}

std::optional<std::string> protobuf_library_version() { return std::nullopt; }
}  // namespace tocsin::runtime
