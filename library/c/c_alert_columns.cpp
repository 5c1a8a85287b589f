#include "library/c/c_alert_columns.h"

#include <array>
#include <utility>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/value.h"

namespace tocsin::library {
namespace {
// A batch is full beyond either; offsets have 31 bits.
constexpr std::size_t kAlertsPerBatch = 1'000'000;
constexpr std::size_t kBytesPerBatch = std::size_t{1} << 28;

struct TextColumn {
  std::vector<std::int32_t> ends = {0};
  std::string bytes;

  void add(std::string_view text) {
    bytes += text;
    end();
  }
  void end() { ends.push_back(static_cast<std::int32_t>(bytes.size())); }
  std::size_t size() const { return bytes.size() + ends.size() * sizeof(std::int32_t); }
};
// As `key` of events of any alert has them: texts, with ", " between.
void add_key(TextColumn& column, const std::vector<cep::OwnedValue>& key) {
  for (const cep::OwnedValue& part : key) {
    if (&part != &key.front()) column.bytes += ", ";
    column.bytes += cep::to_text(part.view());
  }
  column.end();
}
}  // namespace

struct AlertColumns::Columns {
  enum Text : std::size_t {
    kId,
    kRule,
    kTitle,
    kSeverity,
    kStatus,
    kKey,
    kMessage,
    kJson,
    kEventId
  };
  std::array<TextColumn, 9> texts;
  std::vector<std::int64_t> times;
  std::vector<double> scores;
  std::vector<std::int32_t> event_ends = {0};  // into the ids of events

  std::size_t bytes() const {
    std::size_t bytes = times.size() * (sizeof(std::int64_t) + sizeof(double)) +
                        event_ends.size() * sizeof(std::int32_t);
    for (const TextColumn& text : texts) bytes += text.size();
    return bytes;
  }
};

namespace {
// What stands behind the private data of an exported array: it keeps the columns.
struct ExportedArray {
  std::shared_ptr<const void> columns;
  std::array<const void*, 3> buffers{};
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_places;
};
struct ExportedSchema {
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_places;
};

template <typename Struct, typename Exported>
void release(Struct* of) {
  for (std::int64_t i = 0; i < of->n_children; ++i) {
    Struct* const child = of->children[i];
    if (child->release != nullptr) child->release(child);
  }
  delete static_cast<Exported*>(of->private_data);
  of->release = nullptr;
}

template <typename Struct, typename Exported>
void add_children(Struct& of, Exported& exported, std::size_t count) {
  exported.children.resize(count);
  for (Struct& child : exported.children) exported.child_places.push_back(&child);
  of.n_children = static_cast<std::int64_t>(count);
  of.children = exported.child_places.data();
}

// Fills a schema; its texts are literals.
void fill_schema(ArrowSchema& schema, const char* format, const char* name, std::size_t children,
                 std::int64_t flags = 0) {
  schema = {};
  auto exported = std::make_unique<ExportedSchema>();
  schema.format = format;
  schema.name = name;
  schema.flags = flags;
  add_children(schema, *exported, children);
  schema.release = release<ArrowSchema, ExportedSchema>;
  schema.private_data = exported.release();
}
void fill_array(ArrowArray& array, std::shared_ptr<const void> columns, std::size_t length,
                std::array<const void*, 3> buffers, std::size_t buffer_count,
                std::size_t children) {
  array = {};
  auto exported = std::make_unique<ExportedArray>();
  exported->columns = std::move(columns);
  exported->buffers = buffers;
  array.length = static_cast<std::int64_t>(length);
  array.n_buffers = static_cast<std::int64_t>(buffer_count);
  array.buffers = exported->buffers.data();
  add_children(array, *exported, children);
  array.release = release<ArrowArray, ExportedArray>;
  array.private_data = exported.release();
}
void fill_texts(ArrowArray& array, const std::shared_ptr<const void>& columns,
                const TextColumn& texts) {
  fill_array(array, columns, texts.ends.size() - 1,
             {nullptr, texts.ends.data(), texts.bytes.data()}, 3, 0);
}

struct ColumnName {
  const char* name;
  const char* format;
};
constexpr std::array<ColumnName, 11> kColumnNames = {{{"id", "u"},
                                                      {"rule", "u"},
                                                      {"title", "u"},
                                                      {"severity", "u"},
                                                      {"status", "u"},
                                                      {"key", "u"},
                                                      {"time", "tsu:UTC"},
                                                      {"score", "g"},
                                                      {"message", "u"},
                                                      {"event_ids", "+l"},
                                                      {"json", "u"}}};
}  // namespace

AlertColumns::AlertColumns() = default;
AlertColumns::~AlertColumns() = default;

void AlertColumns::add(const cep::Plan& plan, const cep::Alert& alert, std::string_view json) {
  if (columns_.empty() || columns_.back()->times.size() >= kAlertsPerBatch ||
      columns_.back()->bytes() >= kBytesPerBatch) {
    if (!columns_.empty()) full_bytes_ += columns_.back()->bytes();
    columns_.push_back(std::make_shared<Columns>());
  }
  Columns& to = *columns_.back();
  const cep::Rule& rule = plan.rules[alert.rule.value];
  to.texts[Columns::kId].add(cep::alert_id(alert.digest));
  to.texts[Columns::kRule].add(alert.budget ? std::string_view(cep::kBudgetRule) : rule.id);
  to.texts[Columns::kTitle].add(alert.budget ? "A rule exceeded a budget" : rule.title);
  to.texts[Columns::kSeverity].add(cep::severity_name(alert.severity));
  to.texts[Columns::kStatus].add("live");
  add_key(to.texts[Columns::kKey], alert.key);
  to.times.push_back(alert.ts.us);
  const cep::Value score = cep::to_float(alert.score());
  to.scores.push_back(score.is_missing() ? 0 : score.real);
  to.texts[Columns::kMessage].add(alert.message);
  for (const cep::BoundEvent& event : alert.events) to.texts[Columns::kEventId].add(event.id);
  to.event_ends.push_back(static_cast<std::int32_t>(to.texts[Columns::kEventId].ends.size() - 1));
  to.texts[Columns::kJson].add(json);
}

std::size_t AlertColumns::bytes() const {
  return columns_.empty() ? 0 : full_bytes_ + columns_.back()->bytes();
}

void AlertColumns::take(ArrowSchema& schema, ArrowArray& array) {
  if (columns_.empty()) columns_.push_back(std::make_shared<Columns>());
  const std::shared_ptr<Columns> taken = columns_.front();
  ArrowSchema made_schema{};
  ArrowArray made{};
  fill_schema(made_schema, "+s", "", kColumnNames.size());
  for (std::size_t i = 0; i < kColumnNames.size(); ++i) {
    const ColumnName& column = kColumnNames[i];
    fill_schema(*made_schema.children[i], column.format, column.name, column.format[0] == '+');
  }
  fill_schema(*made_schema.children[9]->children[0], "u", "item", 0);
  const std::size_t count = taken->times.size();
  fill_array(made, taken, count, {}, 1, kColumnNames.size());
  std::size_t next = 0;
  const auto text = [&](Columns::Text column) {
    fill_texts(*made.children[next++], taken, taken->texts[column]);
  };
  const auto words = [&](const void* data) {
    fill_array(*made.children[next++], taken, count, {nullptr, data, nullptr}, 2, 0);
  };
  for (const Columns::Text column : {Columns::kId, Columns::kRule, Columns::kTitle,
                                     Columns::kSeverity, Columns::kStatus, Columns::kKey}) {
    text(column);
  }
  words(taken->times.data());
  words(taken->scores.data());
  text(Columns::kMessage);
  ArrowArray& events = *made.children[next++];
  fill_array(events, taken, count, {nullptr, taken->event_ends.data(), nullptr}, 2, 1);
  fill_texts(*events.children[0], taken, taken->texts[Columns::kEventId]);
  text(Columns::kJson);
  schema = made_schema;
  array = made;
  columns_.pop_front();
  full_bytes_ -= columns_.empty() ? 0 : taken->bytes();
}
}  // namespace tocsin::library
