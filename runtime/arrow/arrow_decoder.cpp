#include "runtime/arrow/arrow_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/json_path.h"
#include "runtime/decode/declared_fields.h"
#include "runtime/decode/decode_problem.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/marked_lines.h"
#include "runtime/io/side_output_line.h"

namespace tocsin::runtime {
namespace {
constexpr const char* kTypeColumn = "type";

const ArrowColumn* child_of(const ArrowColumn& column, std::string_view name) {
  for (const ArrowColumn& child : column.children) {
    if (child.name == name) return &child;
  }
  return nullptr;
}
std::string path_text(const std::vector<std::string>& path) {
  return fmt::format("{}", fmt::join(path, "."));
}
std::string quoted_token(std::string_view text) {
  std::string token;
  append_json_text(token, text);
  return token;
}
}  // namespace

ArrowDecoder::ArrowDecoder(const cep::Plan& plan, std::vector<std::vector<bool>> used_fields,
                           std::vector<bool> used_types)
    : plan_(plan),
      used_fields_(std::move(used_fields)),
      used_types_(std::move(used_types)),
      words_(plan.event_types.size()),
      types_(plan.event_types.size()) {
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    const cep::EventType& type = plan.event_types[t];
    words_[t].resize(type.fields.size());
    if (type.is_alert()) continue;  // those come from rules alone
    type_names_.emplace(type.json_type, static_cast<int>(t));
    for (std::size_t f = 0; f < type.fields.size(); ++f) {
      if (type.fields[f].type.kind != cep::TypeKind::kEnum) continue;
      std::int64_t ordinal = 0;
      for (const std::string& word : *type.fields[f].type.words) {
        words_[t][f].emplace(word, ordinal++);
      }
    }
  }
}

void ArrowDecoder::close() {
  columns_ = {};
  type_column_ = nullptr;
  for (Type& type : types_) type = {};
}

Result<ArrowField> ArrowDecoder::bind_field(std::size_t type, std::size_t field,
                                            bool must_be_there) {
  const cep::EventType& event_type = plan_.event_types[type];
  ArrowField bound;
  bound.field = &event_type.fields[field];
  bound.index = cep::FieldIndex(field);
  bound.words = &words_[type][field];
  const std::vector<std::string>& path = bound.field->path;
  const std::string name = path_text(path);
  const ArrowColumn* at = &columns_;
  for (std::size_t step = 0; step < path.size() && at != nullptr; ++step) {
    if (step > 0) {
      if (cep::array_place(path[step]) || at->kind != ArrowKind::kStruct) {
        return fail(
            Errc::kInvalidArgument,
            fmt::format("the column `{}` is {}, and `{}.{}` is read from `{}`: make it a "
                        "struct with such a member; elements of lists are not read",
                        at->name, arrow_type_name(*at), event_type.name, bound.field->name, name));
      }
      bound.around.push_back(at);
    }
    at = child_of(*at, path[step]);
  }
  if (at != nullptr) {
    if (Result<void> fits = check_arrow_type(event_type.name, *bound.field, name, *at); !fits) {
      return tl::unexpected(fits.error());
    }
    bound.column = at;
    bound.is_utf8 = are_texts_utf8(*at, first_row_, row_count_);
    types_[type].of_columns.push_back({at, bound.field});
  } else if (path.size() == 1 && path.front() == kTypeColumn && !json_type_.empty()) {
    bound.constant = json_type_;
  } else if (must_be_there) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the record batch has no column `{}`, and `{}.{}` is {}: add the "
                            "column, or declare the field `{}?`",
                            name, event_type.name, bound.field->name,
                            cep::type_name(bound.field->type), cep::type_name(bound.field->type)));
  }
  return bound;
}

// Finds the columns of one event type's fields.
Result<void> ArrowDecoder::bind(std::size_t index) {
  const cep::EventType& declared = plan_.event_types[index];
  Type& type = types_[index];
  type.is_bound = true;
  const bool is_used = used_types_[index];
  Result<ArrowField> time = bind_field(index, declared.time_field.value, true);
  if (!time) return tl::unexpected(time.error());
  type.time = *std::move(time);
  if (!is_used) return {};
  for (std::size_t f = 0; f < declared.fields.size(); ++f) {
    const cep::Field& field = declared.fields[f];
    const bool has_column = used_fields_[index][f];
    if (field.computed || (!has_column && declared.id_field)) continue;
    Result<ArrowField> bound = bind_field(index, f, has_column && !field.optional);
    if (!bound) return tl::unexpected(bound.error());
    (has_column ? type.fields : type.declared).push_back(*std::move(bound));
  }
  return {};
}

// Finds what type rows are of, and binds the types that there are.
Result<void> ArrowDecoder::bind_types() {
  if (!json_type_.empty()) {
    const auto known = type_names_.find(json_type_);
    only_type_ = known == type_names_.end() ? kUnknownType : known->second;
    return only_type_ < 0 ? Result<void>() : bind(static_cast<std::size_t>(only_type_));
  }
  type_column_ = child_of(columns_, kTypeColumn);
  if (type_column_ == nullptr) {
    return fail(Errc::kInvalidArgument,
                "the record batch has no column `type`: add one with each row's event type, or say "
                "which type all rows have");
  }
  const ArrowColumn& names =
      type_column_->is_dictionary ? type_column_->children.front() : *type_column_;
  if (names.kind != ArrowKind::kText && names.kind != ArrowKind::kNull) {
    return fail(Errc::kInvalidArgument,
                fmt::format("the column `type` is {}, and event types are texts: cast it to utf8",
                            arrow_type_name(*type_column_)));
  }
  return {};
}

Result<void> ArrowDecoder::open(const ArrowSchema& schema, const ArrowArray& array,
                                std::string_view type, std::int64_t first_row) {
  close();
  Result<ArrowColumn> columns = arrow_columns(schema, array, first_row);
  if (!columns) return tl::unexpected(columns.error());
  columns_ = *std::move(columns);
  json_type_ = type;
  first_row_ = first_row;
  row_count_ = array.length;
  Result<void> bound = bind_types();
  if (bound && type_column_ != nullptr) {
    // Each type that comes is bound once, so that nothing is taken of a batch that does not fit.
    std::string_view before;
    for (std::int64_t row = first_row; bound && row < array.length; ++row) {
      const std::optional<ArrowEntry> entry = arrow_entry(*type_column_, row);
      if (!entry) continue;
      const std::string_view name = entry->column->text(entry->row);
      if (name == before && row > first_row) continue;
      before = name;
      const auto known = type_names_.find(name);
      if (known == type_names_.end()) continue;
      const auto index = static_cast<std::size_t>(known->second);
      if (!types_[index].is_bound) bound = bind(index);
    }
  }
  if (!bound) close();
  return bound;
}

std::string_view ArrowDecoder::keep_text(std::string text) {
  return texts_.emplace_back(std::move(text));
}

void ArrowDecoder::find_types(std::size_t count) {
  kinds_.assign(count, {});
  for (Type& type : types_) {
    type.places.clear();
    type.rows.clear();
  }
  std::string_view before;
  int type_before = kNoTypeNamed;
  for (std::size_t i = 0; i < count; ++i) {
    RowKind& kind = kinds_[i];
    const std::int64_t row = first_row_ + static_cast<std::int64_t>(i);
    kind.type = only_type_;
    if (type_column_ != nullptr) {
      const std::optional<ArrowEntry> entry = arrow_entry(*type_column_, row);
      if (entry) {
        const std::string_view name = entry->column->text(entry->row);
        if (type_before == kNoTypeNamed || name != before) {
          const auto known = type_names_.find(name);
          type_before = known == type_names_.end() ? kUnknownType : known->second;
          before = name;
        }
        kind.type = type_before;
        if (kind.type == kUnknownType) kind.offender = keep_text(quoted_token(name));
      } else {
        kind.type = kNoTypeNamed;
        kind.verdict = LineVerdict::kNoType;
      }
    } else if (kind.type == kUnknownType) {
      kind.offender = texts_.empty() ? keep_text(quoted_token(json_type_)) : texts_.front();
    }
    if (kind.type < 0) continue;
    Type& type = types_[static_cast<std::size_t>(kind.type)];
    type.places.push_back(static_cast<std::uint32_t>(i));
    type.rows.push_back(row);
  }
}

// Rows with a text that is no UTF-8 are no events, as lines are none.
void ArrowDecoder::check_texts() {
  for (Type& type : types_) {
    if (type.rows.empty()) continue;
    for (const std::vector<ArrowField>* const fields : {&type.fields, &type.declared}) {
      for (const ArrowField& field : *fields) {
        if (field.is_utf8) continue;
        for (std::size_t i = 0; i < type.rows.size(); ++i) {
          const std::optional<ArrowEntry> entry = arrow_entry_of(field, type.rows[i]);
          if (!entry || is_utf8(entry->column->text(entry->row))) continue;
          kinds_[type.places[i]].verdict = LineVerdict::kNoJson;
        }
      }
    }
  }
}

void ArrowDecoder::read_times() {
  for (Type& type : types_) {
    if (type.rows.empty()) continue;
    cep::TextArena none;
    problems_.clear();
    read_arrow_field(type.time, type.rows, times_, none, problems_);
    for (std::size_t i = 0; i < type.rows.size(); ++i) {
      RowKind& kind = kinds_[type.places[i]];
      kind.ts = {times_.words[i]};
      if (times_.known[i] == 0 && kind.verdict == LineVerdict::kOk) {
        kind.verdict = LineVerdict::kNoTime;
      }
    }
    for (ArrowProblem& problem : problems_) {
      RowKind& kind = kinds_[type.places[problem.place]];
      if (kind.verdict != LineVerdict::kNoTime || problem.fault == FieldFault::kAbsent) continue;
      kind.verdict = problem.fault == FieldFault::kImplausible ? LineVerdict::kImplausibleTime
                                                               : LineVerdict::kBadTime;
      kind.offender = keep_text(std::move(problem.token));
    }
  }
}

// Rows of used events, in their order; afterwards each type has just those.
void ArrowDecoder::keep_rows(cep::Batch& batch) {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    types_[t].places.clear();
    types_[t].rows.clear();
  }
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const RowKind& kind = kinds_[i];
    if (kind.type < 0 || kind.verdict != LineVerdict::kOk) continue;
    const auto index = static_cast<std::size_t>(kind.type);
    if (!used_types_[index]) continue;
    Type& type = types_[index];
    cep::Row& row = batch.rows.emplace_back();
    row.type = cep::EventTypeIndex(index);
    row.index = static_cast<std::uint32_t>(type.rows.size());
    row.ts = kind.ts;
    type.places.push_back(static_cast<std::uint32_t>(i));
    type.rows.push_back(first_row_ + static_cast<std::int64_t>(i));
  }
}

void ArrowDecoder::read_fields(cep::Batch& batch, DecodedBlock& block) {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const Type& type = types_[t];
    if (type.rows.empty()) continue;
    for (const ArrowField& field : type.fields) {
      problems_.clear();
      read_arrow_field(field, type.rows, batch.types[t].fields[field.index.value], batch.texts,
                       problems_);
      if (field.index == plan_.event_types[t].time_field) continue;
      for (ArrowProblem& problem : problems_) {
        const std::size_t place = type.places[problem.place];
        kinds_[place].has_problems = true;
        block.problems.push_back({place,
                                  {cep::EventTypeIndex(t), field.index, problem.fault,
                                   keep_text(std::move(problem.token))}});
      }
    }
  }
  std::ranges::stable_sort(block.problems, {}, &DecodedBlock::Problem::line);
}

// What identities of events without an id field are made of, for those that are asked for.
void ArrowDecoder::read_declared(cep::Batch& batch) {
  std::shared_ptr<DeclaredColumns> columns;
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const Type& type = types_[t];
    if (type.rows.empty() || plan_.event_types[t].id_field) continue;
    if (columns == nullptr) {
      columns = std::make_shared<DeclaredColumns>();
      columns->types.resize(types_.size());
    }
    std::vector<cep::Column>& fields = columns->types[t].fields;
    fields.resize(plan_.event_types[t].fields.size());
    for (const ArrowField& field : type.fields) {
      fields[field.index.value] = batch.types[t].fields[field.index.value];
    }
    for (const ArrowField& field : type.declared) {
      problems_.clear();
      read_arrow_field(field, type.rows, fields[field.index.value], batch.texts, problems_);
    }
    for (const cep::Column& column : fields) {
      batch.declared_bytes += column.known.size() + column.words.size() * sizeof(std::int64_t) +
                              column.texts.size() * sizeof(std::string_view);
    }
  }
  if (columns == nullptr) return;
  for (cep::Row& row : batch.rows) {
    if (plan_.event_types[row.type.value].id_field) continue;
    char* const reference = batch.texts.allocate(RowReference::kBytes);
    RowReference::write(reference, *columns, row.index);
    row.raw = {reference, RowReference::kBytes};
  }
  batch.declared = std::move(columns);
}

void ArrowDecoder::add_lines(DecodedBlock& block) {
  block.lines.reserve(kinds_.size());
  for (const RowKind& kind : kinds_) {
    BlockLine& line = block.lines.emplace_back();
    line.number = static_cast<std::uint32_t>(block.lines.size());
    line.ts = kind.ts;
    if (kind.type == kUnknownType) {
      line.kind = LineKind::kIgnored;
      block.faults.push_back({{LineVerdict::kOk, JsonFault::kNone, kind.offender}, nullptr});
    } else if (kind.verdict != LineVerdict::kOk) {
      const JsonFault fault =
          kind.verdict == LineVerdict::kNoJson ? JsonFault::kUtf8 : JsonFault::kNone;
      const cep::EventType* const type =
          kind.type < 0 ? nullptr : &plan_.event_types[static_cast<std::size_t>(kind.type)];
      block.faults.push_back({{kind.verdict, fault, kind.offender}, type});
    } else {
      line.kind = LineKind::kEvent;
      line.used = used_types_[static_cast<std::size_t>(kind.type)];
      line.has_problems = kind.has_problems;
      line.type = cep::EventTypeIndex(static_cast<std::size_t>(kind.type));
    }
  }
  block.line_count = kinds_.size();
}

void ArrowDecoder::decode(std::int64_t first_row, std::size_t count, DecodedBlock& block) {
  first_row_ = first_row;
  texts_.clear();
  block.lines.clear();
  block.problems.clear();
  block.faults.clear();
  block.batch_count = 1;
  block.texts = this;
  if (block.batches.empty()) block.batches.emplace_back();
  std::unique_ptr<cep::Batch>& batch = block.batches.front();
  if (batch == nullptr) {
    batch = std::make_unique<cep::Batch>(plan_);
  } else {
    batch->clear();
  }
  batch->fields_of = declared_fields;
  find_types(count);
  check_texts();
  read_times();
  keep_rows(*batch);
  read_fields(*batch, block);
  read_declared(*batch);
  add_lines(block);
}

std::string_view ArrowDecoder::line(std::uint32_t number) {
  TOCSIN_ASSERT(number > 0 && number <= kinds_.size(), "the line is of the piece at hand");
  const RowKind& kind = kinds_[number - 1];
  static const std::vector<ArrowFieldOfColumn> kNoFields;
  line_.clear();
  append_arrow_row(
      line_, columns_, first_row_ + number - 1, json_type_,
      kind.type < 0 ? kNoFields : types_[static_cast<std::size_t>(kind.type)].of_columns);
  const std::size_t size = line_.size();
  line_.append(kLinePadding, '\n');
  return std::string_view(line_).substr(0, size);
}
}  // namespace tocsin::runtime
