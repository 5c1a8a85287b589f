/// A small document model for pretty printing: text, places where a line may end, groups that stand
/// on one line or not, and comments. In the manner of Oppen ("Prettyprinting", TOPLAS 2(4), 1980):
/// one list of commands, laid out in time linear in its length, whatever the nesting.
///
/// A group whose text fits on the rest of the line stands on it; else all of its own breaks end a
/// line (those of groups inside are decided for themselves). A comment goes to the next break: it
/// ends the line there, or stands on a line of its own before what follows. So a comment never
/// parts what may not be parted, and laying out the result again gives the same.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::rules {
/// What a break is while its group stands on one line.
enum class BreakForm : std::uint8_t { kNothing, kBlank, kAlways };  // kAlways: no such group
/// What stands behind a break.
enum class BreakRole : std::uint8_t {
  kFill,         // more of the same, where the line is full: a comment waits for a better place
  kPlain,        // more of the same: the author's empty lines are not kept
  kFirst,        // the first entry after an opening bracket
  kEntry,        // a further entry: one empty line before it is kept, and ends the line
  kClosing,      // the closing bracket: comments before it are indented like the entries
  kDeclaration,  // a declaration, or the end of the file
};

/// Takes the commands of one document in their order and lays them out. Text is copied unless it is
/// said to live longer.
class Layout {
 public:
  explicit Layout(std::size_t width_max) : width_max_(width_max) {}
  /// Text without a line end that outlives the layout. `blank_before`: the author had an empty line
  /// before it.
  void text(std::string_view text, bool blank_before = false);
  /// The same; copies it.
  void own_text(std::string text);
  /// A blank at which no line ends.
  void blank() { text(" "); }
  /// Text that stands here when the innermost group does not stand on one line.
  void if_broken(std::string text);
  void line_break(BreakForm form, BreakRole role = BreakRole::kPlain);
  /// A declaration of this kind begins, or the file ends (kind 0).
  void declaration(std::uint32_t kind);
  /// A group; it may be `extra` columns wider than a line has.
  void open(std::uint32_t extra = 0);
  void close();
  void indent() { add(Kind::kIndent); }
  void dedent() { add(Kind::kDedent); }
  /// A comment that outlives the layout, from its `#`. Not `own_line`: it stands behind the text
  /// before it.
  void comment(std::string_view text, bool own_line, bool blank_before);
  /// The lines, each with its end. Declarations of one line stand together with their like, all
  /// others have an empty line between them. Nothing may be added any more.
  std::string finish();

 private:
  enum class Kind : std::uint8_t { kText, kIfBroken, kBreak, kOpen, kClose, kIndent, kDedent };
  struct Command {
    std::string_view text;
    std::uint32_t number = 0;  // kBreak: in breaks_; kOpen: the place of its kClose; kClose: extra
                               // columns
    std::uint32_t width = 0;   // of all before it, on one line
    std::uint32_t hard = 0;    // breaks before it that end a line
    std::uint32_t next_break = 0;  // the place of the first one from here on
    Kind kind = Kind::kText;
  };
  struct CommentLine {
    std::string_view text;
    bool blank_before = false;
  };
  struct Break {
    BreakForm form = BreakForm::kBlank;
    BreakRole role = BreakRole::kPlain;
    bool hard = false;
    bool blank_before = false;  // the text behind it
    std::uint32_t declaration_kind = 0;
    std::string_view trailing;              // the comment at the end of the line before
    std::vector<CommentLine> own_comments;  // lines before the text behind it
  };
  struct Line {
    std::size_t indent = 0;
    std::string text;
    std::string_view comment;
    bool blank_before = false;
    bool is_comment = false;
    bool begins_declaration = false;
    std::uint32_t declaration_kind = 0;
  };

  Command& add(Kind kind);
  void measure();
  void lay_out();
  bool fits(std::size_t open, std::size_t column) const;
  void end_line(const Break& place, std::size_t indent);
  void separate_declarations();
  void align_comments();
  std::string joined() const;

  const std::size_t width_max_;
  std::vector<Command> commands_;
  std::vector<Break> breaks_;
  struct Group {
    std::uint32_t place = 0;
    std::uint32_t extra = 0;
  };
  std::vector<Group> open_;                // groups that are open while commands come
  std::deque<std::string> texts_;          // what own_text() and if_broken() copied
  bool at_break_ = false;                  // no text since the last break
  std::vector<std::string_view> pending_;  // comments that wait for the next break
  std::vector<Line> lines_;
};
}  // namespace tocsin::rules
