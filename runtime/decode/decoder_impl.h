/// What a Decoder is made of. The walk over a line is in decoder_walk.cpp, what becomes of its row
/// in decoder_rows.cpp.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/decode/decoder.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/type_plan.h"
#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
// Decoder forwards to it: intakes hold a decoder by value, and what includes them compiles without
// the columns' plans and again only when the decoder's own functions change.
class Decoder::Impl {
 public:
  Impl(const cep::Plan& plan, TypePlans types);

  void begin(cep::Batch& batch);
  Decoded decode(std::string_view line, MarkedLines* marked);
  std::size_t decode_known(std::string_view text, std::size_t line_bytes_max, std::size_t rows_max,
                           MarkedLines& marked, DecodedBlock& block);
  void keep(cep::EventTime engine_time, cep::ArrivalNumber arrival);
  void drop();
  void finish();
  std::size_t batch_bytes() const;
  LineFault fault() const;
  std::span<const FieldProblem> problems() const { return problems_; }
  const cep::Plan& plan() const { return plan_; }

 private:
  static constexpr int kTypeUnknown = -1;  // `type` not met yet
  static constexpr int kTypeIgnored = -2;  // met, and declared by no file
  static constexpr std::size_t kTypeMarksMax = 2;

  // A line's own fields are gone through without a call: it would put the cursor into memory.
  [[gnu::always_inline]] inline bool find_type(JsonCursor& begin, bool& more);
  void start_line();
  void forget_line();
  [[gnu::always_inline]] inline bool walk_line(JsonCursor& at);
  bool walk_marked(MarkedLines& marked);
  [[gnu::always_inline]] inline const LineShape* known_form(const JsonMarks& marks);
  [[gnu::always_inline]] inline void take_form(const JsonMarks& marks, const LineShape& shape);
  bool take_known(MarkedLines& marked, const JsonMarks& marks, std::uint32_t end);
  void learn_form(const JsonMarks& line);
  void walk_alone();
  [[gnu::always_inline]] inline bool walk_fields(JsonCursor& at, ObjectPlan& plan, bool more);
  bool walk(JsonCursor& cursor, ObjectPlan& plan);
  bool walk_array(JsonCursor& cursor, const ArrayPlan& plan);
  [[gnu::always_inline]] inline bool take_target(JsonCursor& at, const Target& target);
  [[gnu::always_inline]] inline bool first_time(const Target& target);
  [[gnu::always_inline]] inline void take(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline void take_word(Leaf& leaf, std::int64_t word);
  void take_scalar(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline void take_text(Leaf& leaf, std::string_view token);
  void fault(const Leaf& leaf, FieldFault fault, std::string_view token);
  void report_absent();
  [[gnu::always_inline]] inline void start_type(int type);
  [[gnu::always_inline]] inline int type_of(const char* name);
  char* text_room(std::size_t bytes);

  // A type by its name's characters with the closing quote; of 16 at most.
  struct KnownType {
    std::uint64_t first = 0;
    std::uint64_t first_mask = ~std::uint64_t{0};  // no name has eight zero bytes
    std::uint64_t second = 0;
    std::uint64_t second_mask = 0;
    int type = kTypeIgnored;
  };
  static constexpr unsigned kKnownTypesBits = 5;

  const cep::Plan& plan_;
  std::vector<TypePlan> types_;
  std::vector<std::unique_ptr<WordTable>> word_tables_;
  WordTable json_types_;
  std::vector<int> type_of_word_;
  std::array<KnownType, std::size_t{1} << kKnownTypesBits> known_types_;
  ObjectPlan nothing_;                     // what an ignored line's fields lead to
  std::vector<std::uint32_t> type_marks_;  // where `type` stood in lines whose form is known
  JsonScanner scanner_;
  std::vector<char> open_;  // for skipping

  cep::Batch* batch_ = nullptr;
  char* text_at_ = nullptr;
  char* text_end_ = nullptr;
  std::size_t text_block_bytes_ = std::size_t{64} << 10;  // grows to what a batch needed

  const char* missed_ = nullptr;  // a line whose form decode_known() has just looked for in vain

  // The current line.
  std::string_view line_;
  TypePlan* type_ = nullptr;
  int type_index_ = kTypeUnknown;
  std::uint32_t row_ = 0;
  std::vector<std::uint64_t> seen_;
  bool has_time_ = false;
  cep::EventTime ts_;
  LineVerdict verdict_ = LineVerdict::kOk;
  JsonFault json_fault_ = JsonFault::kNone;
  std::string_view offender_;  // the `type` or time that was wrong
  std::vector<FieldProblem> problems_;
};
}  // namespace tocsin::runtime
