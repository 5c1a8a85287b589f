// A schema of Avro, a line feed, and a message. Any bytes are a line of JSON that is not too long,
// the same each time, or have a reason.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/decode/json_structure.h"
#include "runtime/decode/undecoded_message.h"
#include "runtime/formats/avro_schema.h"
#include "runtime/formats/registry_format.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
constexpr std::size_t kBytesMax = 2000;

void try_message(const std::shared_ptr<const runtime::AvroSchema>& schema, std::string_view bytes) {
  std::string line;
  const Result<void> converted = schema->convert(bytes, kBytesMax, line);
  if (!converted) {
    require(!converted.error().message.empty(), "a refusal has a reason");
  } else {
    require(line.size() <= kBytesMax, "a line is not too long");
    // A string's bytes are taken as they are; the decoder refuses a line that is not UTF-8.
    require(!runtime::is_utf8(line) || nlohmann::json::accept(line), "a line is JSON");
  }
  runtime::OneSchemaFormat format(schema);
  std::string again;
  const bool is_line = format.convert(bytes, kBytesMax, again) == runtime::Conversion::kLine;
  require(is_line == converted.has_value(), "the same bytes give the same");
  require(!is_line || again == line, "the same bytes give the same line");
  require(is_line || (again.size() <= kBytesMax && runtime::undecoded_reason(again)),
          "what is no line says why");
  require(is_line || nlohmann::json::accept(again), "and is JSON");
}

void try_text(std::string_view text) {
  const std::size_t end = text.find('\n');
  const std::string_view message =
      end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  for (const auto from : {runtime::EventTypeFrom::kField, runtime::EventTypeFrom::kSchema}) {
    const auto schema = runtime::AvroSchema::parse(text.substr(0, end), {}, from);
    require(schema || !schema.error().message.empty(), "a refusal has a reason");
    if (schema) try_message(*schema, message);
  }
}
}  // namespace
}  // namespace tocsin::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tocsin::fuzz::try_text(tocsin::fuzz::text_of(data, size));
  return 0;
}
