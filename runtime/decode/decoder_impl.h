/// What a Decoder is made of. How a line is gone through is in decoder_lines.cpp, the walk over its
/// marks in decoder_walk.cpp, and what becomes of its row in decoder_rows.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/decode/decoder.h"
#include "runtime/decode/form_pause.h"
#include "runtime/decode/json_structure.h"
#include "runtime/decode/line_form.h"
#include "runtime/decode/type_names.h"
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
  static constexpr std::size_t kTypeBeginsMax = 4;
  static constexpr std::size_t kTypeBeginsOfIgnored = 2;

  // A line's own fields are gone through without a call: it would put the cursor into memory.
  [[gnu::always_inline]] inline bool find_type(JsonCursor& begin, bool& more);
  void start_line();
  void forget_line();
  bool walk_line(JsonCursor& at);
  bool walk_marked(MarkedLines& marked);
  bool take_known(MarkedLines& marked);
  void take_back();
  [[gnu::always_inline]] inline const LineForm* known_form(const SeparatedLine& line,
                                                           std::uint32_t& quotes);
  [[gnu::always_inline]] inline bool take_form(const SeparatedLine& line, const LineForm& form);
  [[gnu::always_inline]] inline void add_line(DecodedBlock& block, bool used);
  void learn_form(const JsonMarks& marks);
  void walk_alone();
  [[gnu::always_inline]] inline bool walk_fields(JsonCursor& at, ObjectPlan& plan, bool more);
  bool walk(JsonCursor& cursor, ObjectPlan& plan);
  bool walk_array(JsonCursor& cursor, const ArrayPlan& plan);
  [[gnu::always_inline]] inline bool take_target(JsonCursor& at, const Target& target);
  [[gnu::always_inline]] inline bool first_time(const Target& target);
  [[gnu::always_inline]] inline void take(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline void take_word(Leaf& leaf, std::int64_t word);
  [[gnu::always_inline]] inline bool take_number(Leaf& leaf, std::string_view token);
  [[gnu::always_inline]] inline bool take_known_word(Leaf& leaf, const char* inside,
                                                     std::size_t size);
  [[gnu::always_inline]] inline bool take_inside(Leaf& leaf, std::string_view inside);
  void take_text(Leaf& leaf, std::string_view token);
  void take_scalar(Leaf& leaf, std::string_view token);
  void fault(const Leaf& leaf, FieldFault fault, std::string_view token);
  void report_absent();
  [[gnu::always_inline]] inline void start_type(int type);
  [[gnu::always_inline]] inline char* text_room(std::size_t bytes);
  void more_text_room(std::size_t bytes);

  const cep::Plan& plan_;
  std::vector<TypePlan> types_;
  std::vector<std::unique_ptr<WordTable>> word_tables_;
  TypeNames names_;
  std::vector<LineForm::Begin> type_begins_;  // where `type` stood in lines whose form is known
  FormPause pause_;
  TypePlan ignored_;  // of types that no file declares: it has no fields
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
