// From the text of a schema to libprotobuf's descriptors.
#include "runtime/formats/protobuf_schema.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include "runtime/formats/protobuf_message.h"

namespace tocsin::runtime {
namespace {
namespace pb = google::protobuf;
constexpr int kDepthMax = 100;
constexpr std::int64_t kPathMax = 32;
constexpr const char* kRoot = "the schema";

// Confluent's own, which its registry does not give as a reference.
constexpr std::pair<const char*, const char*> kConfluent[] = {
    {"confluent/meta.proto",
     "syntax = \"proto3\"; package confluent; import \"google/protobuf/descriptor.proto\";"
     "message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }"
     "extend google.protobuf.FileOptions { Meta file_meta = 1088; }"
     "extend google.protobuf.MessageOptions { Meta message_meta = 1088; }"
     "extend google.protobuf.FieldOptions { Meta field_meta = 1088; }"
     "extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }"
     "extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }"},
    {"confluent/type/decimal.proto",
     "syntax = \"proto3\"; package confluent.type; message Decimal { bytes value = 1;"
     "uint32 precision = 2; int32 scale = 3; }"}};

// The first thing that is wrong with a schema.
class FirstError : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  using pb::DescriptorPool::ErrorCollector::AddWarning;
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("line {}, column {}: {}", line + 1, column + 1, message);
  }
  void AddError(const std::string& /*file*/, const std::string& element,
                const pb::Message* /*descriptor*/, ErrorLocation /*location*/,
                const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("{}: {}", element, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The library reports on standard error what is an error of a schema or a message here.
void be_quiet() {
  static std::once_flag once;
  std::call_once(once, [] { pb::SetLogHandler(nullptr); });
}

class ProtobufSchema : public MessageSchema {
 public:
  explicit ProtobufSchema(EventTypeFrom type_from)
      : type_from_(type_from), pool_(pb::DescriptorPool::generated_pool()) {}

  Result<void> add_text(const std::string& name, std::string_view text) {
    int depth = 0;
    int deepest = 0;
    for (const char c : text) {
      if (c == '{') deepest = std::max(deepest, ++depth);
      if (c == '}') --depth;
    }
    if (deepest > kDepthMax) {
      return fail(Errc::kLimit, fmt::format("{} is nested more than {} deep", name, kDepthMax));
    }
    if (text.size() > std::numeric_limits<int>::max())
      return fail(Errc::kLimit, fmt::format("{} is too large", name));
    pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
    FirstError error;
    pb::io::Tokenizer tokens(&input, &error);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&error);
    pb::FileDescriptorProto file;
    if (!parser.Parse(&tokens, &file) || !error.text().empty())
      return fail(Errc::kCorrupt, fmt::format("{}: {}", name, error.text()));
    file.set_name(name);
    return add(file);
  }

  Result<void> add(const pb::FileDescriptorProto& file) {
    for (const auto& [name, text] : kConfluent) {
      const bool is_wanted = std::ranges::find(file.dependency(), name) != file.dependency().end();
      if (!is_wanted || pool_.FindFileByName(name) != nullptr) continue;
      if (auto added = add_text(name, text); !added) return added;
    }
    // One of the library's own.
    if (pb::DescriptorPool::generated_pool()->FindFileByName(file.name()) != nullptr) return {};
    FirstError error;
    file_ = pool_.BuildFileCollectingErrors(file, &error);
    if (file_ == nullptr)
      return fail(Errc::kCorrupt, fmt::format("{}: {}", file.name(), error.text()));
    return {};
  }

  Result<void> choose(std::string_view message) {
    type_ = pool_.FindMessageTypeByName(std::string(message));
    if (type_ != nullptr) return {};
    return fail(Errc::kNotFound, fmt::format("there is no message of the type {}", message));
  }

  Result<void> convert(std::string_view bytes, std::size_t line_bytes_max,
                       std::string& line) const override {
    const pb::Descriptor* type = type_;
    if (type == nullptr) {
      const Result<const pb::Descriptor*> found = take_path(bytes);
      if (!found) return tl::unexpected(found.error());
      type = *found;
    }
    return append_protobuf_line(*type, type_from_, bytes, line_bytes_max, line);
  }

 private:
  static bool take_index(std::string_view& bytes, std::int64_t& to) {
    std::uint64_t word = 0;
    if (!take_protobuf_number(bytes, word)) return false;
    to = from_zigzag(word);
    return true;
  }
  // The type that the numbers before a message lead to: of a message in the file, then of one
  // within it, and so on. A count of 0 is the first message.
  Result<const pb::Descriptor*> take_path(std::string_view& bytes) const {
    std::int64_t count = 0;
    if (!take_index(bytes, count) || count < 0 || count > kPathMax)
      return fail(Errc::kCorrupt, "no path to the type of the message");
    const pb::Descriptor* type = nullptr;
    for (std::int64_t i = 0; i < std::max<std::int64_t>(count, 1); ++i) {
      std::int64_t index = 0;
      if (count > 0 && !take_index(bytes, index))
        return fail(Errc::kCorrupt, "no path to the type of the message");
      const int types = type == nullptr ? file_->message_type_count() : type->nested_type_count();
      if (index < 0 || index >= types)
        return fail(Errc::kCorrupt, fmt::format("the schema has no message {}", index));
      const int at = static_cast<int>(index);
      type = type == nullptr ? file_->message_type(at) : type->nested_type(at);
    }
    return type;
  }

  const EventTypeFrom type_from_;
  pb::DescriptorPool pool_;
  const pb::FileDescriptor* file_ = nullptr;  // the last that was added
  const pb::Descriptor* type_ = nullptr;      // of all messages; null: each names its own
};
}  // namespace

Result<std::shared_ptr<const MessageSchema>> read_protobuf_schema(const RegisteredSchema& schema,
                                                                  EventTypeFrom type_from) {
  be_quiet();
  const auto read = std::make_shared<ProtobufSchema>(type_from);
  for (const NamedSchema& reference : schema.references) {
    if (auto added = read->add_text(reference.name, reference.text); !added)
      return tl::unexpected(added.error());
  }
  if (auto added = read->add_text(kRoot, schema.text); !added) return tl::unexpected(added.error());
  return read;
}

Result<std::shared_ptr<const MessageSchema>> read_descriptor_set(std::string_view set,
                                                                 std::string_view message,
                                                                 EventTypeFrom type_from) {
  be_quiet();
  pb::FileDescriptorSet files;
  if (set.size() > std::numeric_limits<int>::max() ||
      !files.ParseFromArray(set.data(), static_cast<int>(set.size())) || files.file_size() == 0) {
    return fail(Errc::kCorrupt,
                "it is no FileDescriptorSet, as protoc --descriptor_set_out writes");
  }
  const auto read = std::make_shared<ProtobufSchema>(type_from);
  for (const pb::FileDescriptorProto& file : files.file()) {
    if (auto added = read->add(file); !added) return tl::unexpected(added.error());
  }
  if (auto chosen = read->choose(message); !chosen) return tl::unexpected(chosen.error());
  return read;
}

std::optional<std::string> protobuf_library_version() {
  return pb::internal::VersionString(GOOGLE_PROTOBUF_VERSION);
}
}  // namespace tocsin::runtime
