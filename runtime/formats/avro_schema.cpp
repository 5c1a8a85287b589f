// From a schema's JSON to its types.
#include "runtime/formats/avro_schema.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "cep/value/value.h"
#include "runtime/formats/json_values.h"

namespace tocsin::runtime {
namespace {
namespace dom = simdjson::dom;
using Index = std::uint32_t;
constexpr std::size_t kTypesMax = 100'000;
constexpr std::int64_t kFixedBytesMax = std::int64_t{1} << 30;

struct Primitive {
  std::string_view name;
  AvroKind kind;
};
constexpr std::array<Primitive, 8> kPrimitives = {{{"null", AvroKind::kNull},
                                                   {"boolean", AvroKind::kBoolean},
                                                   {"int", AvroKind::kInt},
                                                   {"long", AvroKind::kLong},
                                                   {"float", AvroKind::kFloat},
                                                   {"double", AvroKind::kDouble},
                                                   {"bytes", AvroKind::kBytes},
                                                   {"string", AvroKind::kString}}};

std::string json_text(std::string_view text) {
  std::string json;
  cep::append_json_string(json, text);
  return json;
}

std::optional<std::string_view> text_of(dom::object object, const char* member) {
  std::string_view text;
  if (object[member].get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

tl::unexpected<Error> corrupt(std::string message) {
  return fail(Errc::kCorrupt, std::move(message));
}

// The last part of a name with a namespace.
std::string_view short_name(std::string_view name) { return name.substr(name.rfind('.') + 1); }

class AvroReader {
 public:
  AvroReader(std::vector<AvroType>& types, EventTypeFrom type_from)
      : types_(types), type_from_(type_from) {
    for (const Primitive& primitive : kPrimitives) add(primitive.kind);
  }

  Result<Index> read_text(std::string_view text) {
    dom::parser parser;
    dom::element root;
    const simdjson::error_code error = parser.parse(text.data(), text.size()).get(root);
    if (error != simdjson::SUCCESS) {
      return corrupt(fmt::format("the schema is no JSON: {}", simdjson::error_message(error)));
    }
    return read(root, "", 0);
  }

 private:
  Index add(AvroKind kind) {
    types_.emplace_back().kind = kind;
    return static_cast<Index>(types_.size() - 1);
  }

  Result<Index> read(dom::element element, const std::string& space, int depth) {
    if (depth > AvroSchema::kDepthMax) {
      return fail(Errc::kLimit, fmt::format("the schema is nested more than {} types deep",
                                            AvroSchema::kDepthMax));
    }
    if (types_.size() > kTypesMax)
      return fail(Errc::kLimit, fmt::format("the schema has more than {} types", kTypesMax));
    std::string_view name;
    if (element.get(name) == simdjson::SUCCESS) return find(name, space);
    dom::array branches;
    if (element.get(branches) == simdjson::SUCCESS) return read_union(branches, space, depth);
    dom::object object;
    if (element.get(object) == simdjson::SUCCESS) return read_object(object, space, depth);
    return corrupt("a type is neither a name, an object nor an array");
  }

  Result<Index> find(std::string_view name, const std::string& space) const {
    for (Index i = 0; i < kPrimitives.size(); ++i) {
      if (kPrimitives[i].name == name) return i;
    }
    auto found = named_.end();
    if (name.find('.') == std::string_view::npos && !space.empty())
      found = named_.find(fmt::format("{}.{}", space, name));
    if (found == named_.end()) found = named_.find(name);
    if (found == named_.end()) return corrupt(fmt::format("no type has the name `{}`", name));
    return found->second;
  }

  Result<Index> read_union(dom::array branches, const std::string& space, int depth) {
    const Index index = add(AvroKind::kUnion);
    std::vector<Index> parts;
    for (const dom::element branch : branches) {
      Result<Index> part = read(branch, space, depth + 1);
      if (!part) return part;
      parts.push_back(*part);
    }
    if (parts.empty()) return corrupt("a union has no types");
    types_[index].parts = std::move(parts);
    return index;
  }

  Result<Index> read_object(dom::object object, const std::string& space, int depth) {
    const std::optional<std::string_view> type = text_of(object, "type");
    if (!type) {
      // {"type": {"type": …}}
      dom::element inner;
      if (object["type"].get(inner) != simdjson::SUCCESS) return corrupt("a type has no `type`");
      return read(inner, space, depth + 1);
    }
    if (*type == "record" || *type == "error") return read_record(object, space, depth);
    if (*type == "enum") return read_enum(object, space);
    if (*type == "fixed") return read_fixed(object, space);
    if (*type == "array") return read_container(AvroKind::kArray, object, "items", space, depth);
    if (*type == "map") return read_container(AvroKind::kMap, object, "values", space, depth);
    Result<Index> plain = find(*type, space);
    if (!plain || *plain >= kPrimitives.size()) return plain;
    return logical(object, *plain);
  }

  Result<Index> read_container(AvroKind kind, dom::object object, const char* member,
                               const std::string& space, int depth) {
    dom::element part;
    if (object[member].get(part) != simdjson::SUCCESS)
      return corrupt(fmt::format("a type has no `{}`", member));
    const Index index = add(kind);
    Result<Index> of_part = read(part, space, depth + 1);
    if (!of_part) return of_part;
    types_[index].parts = {*of_part};
    return index;
  }

  // Makes the type that a record, an enum or a fixed defines known by its name.
  Result<Index> define(AvroKind kind, dom::object object, std::string& space) {
    const std::optional<std::string_view> name = text_of(object, "name");
    if (!name || short_name(*name).empty()) return corrupt("a type has no `name`");
    const std::size_t dot = name->rfind('.');
    if (dot != std::string_view::npos) {
      space = name->substr(0, dot);
    } else if (const std::optional<std::string_view> own = text_of(object, "namespace")) {
      space = *own;
    }
    const std::string_view last = short_name(*name);
    const std::string full = space.empty() ? std::string(last) : fmt::format("{}.{}", space, last);
    const Index index = add(kind);
    types_[index].name = last;
    if (!named_.emplace(full, index).second)
      return corrupt(fmt::format("two types have the name `{}`", full));
    return index;
  }

  Result<Index> read_record(dom::object object, std::string space, int depth) {
    Result<Index> index = define(AvroKind::kRecord, object, space);
    if (!index) return index;
    const std::string name = types_[*index].name;
    dom::array fields;
    if (object["fields"].get(fields) != simdjson::SUCCESS)
      return corrupt(fmt::format("record `{}` has no `fields`", name));
    AvroType record;
    for (const dom::element element : fields) {
      dom::object field;
      dom::element type;
      std::optional<std::string_view> field_name;
      if (element.get(field) == simdjson::SUCCESS) field_name = text_of(field, "name");
      if (!field_name) return corrupt(fmt::format("a field of `{}` has no `name`", name));
      if (field["type"].get(type) != simdjson::SUCCESS)
        return corrupt(fmt::format("field `{}.{}` has no `type`", name, *field_name));
      Result<Index> part = read(type, space, depth + 1);
      if (!part) return part;
      record.parts.push_back(*part);
      record.names.push_back(json_text(*field_name) + ':');
      const bool is_type = *field_name == "type";
      const bool is_renamed = is_type && type_from_ == EventTypeFrom::kSchema;
      record.top_names.push_back(is_renamed ? "\"type_\":" : record.names.back());
      record.names_itself = record.names_itself || (is_type && !is_renamed);
    }
    record.kind = AvroKind::kRecord;
    record.name = name;
    types_[*index] = std::move(record);
    return index;
  }

  Result<Index> read_enum(dom::object object, std::string space) {
    Result<Index> index = define(AvroKind::kEnum, object, space);
    if (!index) return index;
    dom::array symbols;
    if (object["symbols"].get(symbols) != simdjson::SUCCESS)
      return corrupt(fmt::format("enum `{}` has no `symbols`", types_[*index].name));
    for (const dom::element symbol : symbols) {
      std::string_view text;
      if (symbol.get(text) != simdjson::SUCCESS)
        return corrupt(fmt::format("a symbol of enum `{}` is no text", types_[*index].name));
      types_[*index].names.push_back(json_text(text));
    }
    return index;
  }

  Result<Index> read_fixed(dom::object object, std::string space) {
    Result<Index> index = define(AvroKind::kFixed, object, space);
    if (!index) return index;
    std::int64_t size = 0;
    if (object["size"].get(size) != simdjson::SUCCESS || size < 0 || size > kFixedBytesMax)
      return corrupt(fmt::format("fixed `{}` has no size", types_[*index].name));
    AvroType& type = types_[*index];
    type.size = static_cast<std::uint32_t>(size);
    const std::string_view logical = text_of(object, "logicalType").value_or("");
    if (logical == "decimal" && has_scale(object, type.scale)) {
      type.kind = AvroKind::kFixedDecimal;
    } else if (logical == "uuid" && size == 16) {
      type.kind = AvroKind::kFixedUuid;
    } else if (logical == "duration" && size == 12) {
      type.kind = AvroKind::kFixedDuration;
    }
    return index;
  }

  // A primitive with its logical type. As the specification says, one that is not known or not
  // valid is passed over.
  Index logical(dom::object object, Index plain) {
    const std::string_view name = text_of(object, "logicalType").value_or("");
    const AvroKind kind = kPrimitives[plain].kind;
    int scale = 0;
    AvroKind found = kind;
    if (kind == AvroKind::kInt && name == "date") found = AvroKind::kDate;
    if (kind == AvroKind::kLong && name == "timestamp-millis") found = AvroKind::kMillis;
    if (kind == AvroKind::kLong && name == "timestamp-micros") found = AvroKind::kMicros;
    if (kind == AvroKind::kLong && name == "timestamp-nanos") found = AvroKind::kNanos;
    if (kind == AvroKind::kBytes && name == "decimal" && has_scale(object, scale))
      found = AvroKind::kDecimal;
    if (found == kind) return plain;
    const Index index = add(found);
    types_[index].scale = scale;
    return index;
  }

  static bool has_scale(dom::object object, int& scale) {
    std::int64_t precision = 0;
    std::int64_t number = 0;
    if (object["precision"].get(precision) != simdjson::SUCCESS || precision <= 0) return false;
    dom::element given;
    const bool is_given = object["scale"].get(given) == simdjson::SUCCESS;
    if (is_given && given.get(number) != simdjson::SUCCESS) return false;
    if (number < 0 || number > std::min<std::int64_t>(precision, kDecimalScaleMax)) return false;
    scale = static_cast<int>(number);
    return true;
  }

  std::vector<AvroType>& types_;
  const EventTypeFrom type_from_;
  std::map<std::string, Index, std::less<>> named_;
};
}  // namespace

Result<std::shared_ptr<const AvroSchema>> AvroSchema::parse(std::string_view text,
                                                            std::span<const NamedSchema> references,
                                                            EventTypeFrom type_from) {
  std::shared_ptr<AvroSchema> schema(new AvroSchema());
  AvroReader reader(schema->types_, type_from);
  for (const NamedSchema& reference : references) {
    if (const Result<Index> read = reader.read_text(reference.text); !read)
      return fail(read.error().code, fmt::format("{}: {}", reference.name, read.error().message));
  }
  const Result<Index> root = reader.read_text(text);
  if (!root) return tl::unexpected(root.error());
  schema->root_ = *root;
  return schema;
}
}  // namespace tocsin::runtime
