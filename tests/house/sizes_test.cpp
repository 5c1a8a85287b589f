// A file has at most 500 lines and a function at most 80, or a comment says why not: at the head of
// the file, or directly above the function, with a sentence that begins with "Long because". For a
// function that is for plain tables and for cases of tests alone. A class has at most 40 member
// functions.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/house/repository.h"

namespace tocsin::tests {
namespace {
constexpr std::size_t kFileLines = 500;
constexpr std::size_t kFunctionLines = 80;
constexpr std::size_t kMemberFunctions = 40;
constexpr std::string_view kReason = "Long because ";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}
std::size_t indent_of(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}
std::string trimmed(const std::string& line) {
  const std::size_t end = line.find_last_not_of(' ');
  return end == std::string::npos ? std::string()
                                  : line.substr(indent_of(line), end + 1 - indent_of(line));
}

void add_words(std::string& text, const std::string& line) {
  if (const std::string bare = trimmed(line); !bare.empty()) text += bare + " ";
}

// Adds a line of a comment without its marker; false where it is none.
bool comment_text(const std::string& line, std::string& text) {
  const std::string bare = trimmed(line);
  for (const std::string_view marker : {"///", "//", "# ", "/*", "* "}) {
    if (!bare.starts_with(marker)) continue;
    add_words(text, bare.substr(marker.size()));
    return true;
  }
  return bare == "#" || bare == "*";
}

bool gives_reason(const std::string& comment) {
  return comment.starts_with(kReason) ||
         comment.find(". " + std::string(kReason)) != std::string::npos;
}

// The comment at the beginning of a file, in Python its documentation string.
std::string head_comment(const std::vector<std::string>& lines) {
  std::string text;
  std::size_t at = !lines.empty() && lines[0].starts_with("#!") ? 1 : 0;
  if (at < lines.size() && lines[at].starts_with("\"\"\"")) {
    add_words(text, lines[at].substr(3));
    while (text.find("\"\"\"") == std::string::npos && ++at < lines.size()) {
      add_words(text, lines[at]);
    }
    return text;
  }
  while (at < lines.size() && comment_text(lines[at], text)) ++at;
  return text;
}

bool is_long_file(const std::string& source) {
  const std::vector<std::string> lines = lines_of(source);
  return lines.size() > kFileLines && !gives_reason(head_comment(lines));
}

struct Function {
  std::string signature;
  std::size_t line = 0;   // of the signature, from 1
  std::size_t lines = 0;  // to the closing brace
  bool gives_reason = false;
};

// Empties the lines of raw texts: their braces are no code.
void remove_raw_texts(std::vector<std::string>& lines) {
  static const std::regex kBegin(R"x(R"([a-z_]*)\()x");
  std::string end;  // of the raw text that is open
  for (std::string& line : lines) {
    std::size_t at = 0;
    if (!end.empty()) {
      at = line.find(end);
      if (at == std::string::npos) {
        line = "//";
        continue;
      }
      at += end.size();
      line.replace(0, at, std::string(at, '~'));
      end.clear();
    }
    std::smatch match;
    while (end.empty() && std::regex_search(line.cbegin() + static_cast<std::ptrdiff_t>(at),
                                            line.cend(), match, kBegin)) {
      end = ")" + match[1].str() + "\"";
      at += static_cast<std::size_t>(match.position(0) + match.length(0));
      const std::size_t closes = line.find(end, at);
      if (closes == std::string::npos) {
        line.resize(at);
      } else {
        at = closes + end.size();
        end.clear();
      }
    }
  }
}

// The functions of a source that clang-format laid out: the brace that closes one stands in the
// column where its signature begins. What is inside a function belongs to it.
std::vector<Function> functions_of(const std::string& source) {
  static const std::regex kNoFunction(
      "(namespace|class|struct|enum|union|extern|if|for|while|switch|do|else|try|catch)\\b");
  std::vector<std::string> lines = lines_of(source);
  remove_raw_texts(lines);
  std::vector<Function> functions;
  std::string statement;
  std::size_t begin = 0;   // of the statement
  std::size_t indent = 0;  // of the statement
  bool is_inside = false;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::string bare = trimmed(lines[n]);
    if (is_inside) {
      if (!bare.starts_with('}') || indent_of(lines[n]) != indent) continue;
      functions.back().lines = n + 1 - begin;
      is_inside = false;
      statement.clear();
      continue;
    }
    if (bare.empty() || bare.starts_with("//") || bare.starts_with('#')) continue;
    if (bare.starts_with('}') || bare.ends_with('}') || bare.ends_with(';') || bare == "public:" ||
        bare == "private:" || bare == "protected:") {
      statement.clear();
      continue;
    }
    if (statement.empty()) {
      begin = n;
      indent = indent_of(lines[n]);
    }
    statement += bare + " ";
    if (!bare.ends_with('{')) continue;
    if (statement.find('(') != std::string::npos &&
        !std::regex_search(statement, kNoFunction, std::regex_constants::match_continuous)) {
      std::size_t first = begin;
      std::string unused;
      while (first > 0 && comment_text(lines[first - 1], unused)) --first;
      std::string comment;
      for (std::size_t i = first; i < begin; ++i) comment_text(lines[i], comment);
      functions.push_back({statement, begin + 1, 0, gives_reason(comment)});
      is_inside = true;
    }
    statement.clear();
  }
  return functions;
}

std::vector<Function> long_functions(const std::string& source) {
  std::vector<Function> functions = functions_of(source);
  std::erase_if(functions, [](const Function& function) {
    return function.lines <= kFunctionLines || function.gives_reason;
  });
  return functions;
}

struct Class {
  std::string name;
  std::size_t line = 0;       // from 1
  std::size_t functions = 0;  // without constructors and its destructor, and those of classes in it
};

// Of a statement of a class: whether it declares or defines a function of it.
bool is_member_function(const std::string& statement) {
  static const std::regex kNone(
      "(friend|using|typedef|class|struct|enum|union|static_assert|template <[^>]*> friend)\\b");
  static const std::regex kDefault("= (default|delete);");
  static const std::regex kFunction("[^=({]*[\\w=<>\\[\\]+*/!&|-]\\(.*");
  return !std::regex_search(statement, kNone, std::regex_constants::match_continuous) &&
         !std::regex_search(statement, kDefault) && std::regex_match(statement, kFunction);
}

// The classes of a source that clang-format laid out: a member begins two columns behind its class.
std::vector<Class> classes_of(const std::string& source) {
  static const std::regex kHead("(class|struct) ([\\w:]+)[^;()]*\\{");
  std::vector<std::string> lines = lines_of(source);
  remove_raw_texts(lines);
  std::vector<Class> classes;
  for (std::size_t n = 0; n < lines.size(); ++n) {
    const std::string head = trimmed(lines[n]);
    std::smatch match;
    if (!std::regex_match(head, match, kHead)) continue;
    const std::size_t indent = indent_of(lines[n]);
    classes.push_back({match[2].str(), n + 1, 0});
    std::string statement;
    for (std::size_t at = n + 1; at < lines.size() && !(indent_of(lines[at]) == indent &&
                                                        trimmed(lines[at]).starts_with("}"));
         ++at) {
      const std::string bare = trimmed(lines[at]);
      if (bare.empty() || bare.starts_with("//") || bare.starts_with('#') ||
          indent_of(lines[at]) < indent + 2 ||
          (indent_of(lines[at]) > indent + 2 && statement.empty()) || bare.starts_with('}')) {
        continue;
      }
      statement += bare.substr(0, bare.find(" // ")) + " ";
      if (statement.find_first_of(";{") == std::string::npos) continue;
      const bool is_made =
          std::regex_search(statement, std::regex("^(explicit )?~?" + classes.back().name + "\\("));
      if (!is_made && is_member_function(statement)) ++classes.back().functions;
      statement.clear();
    }
  }
  return classes;
}

std::string repeated(const std::string& line, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += line;
  return text;
}

TEST_CASE("sizes: a long file and a long function are found, and the reason that one gives") {
  const std::string filled = repeated("x\n", kFileLines - 1);
  CHECK_FALSE(is_long_file("// A file.\n" + filled));
  CHECK(is_long_file("// A file.\n// It lasts long because it may.\n" + filled));
  CHECK_FALSE(is_long_file("// A file. Long because it is\n// one table.\n" + filled));
  CHECK_FALSE(is_long_file("/// A file.\n/// Long because it is one table.\n" + filled));
  CHECK_FALSE(is_long_file("#!/bin/sh\n# Long because it is one table.\n" + filled));
  CHECK_FALSE(is_long_file("\"\"\"A file.\n\nLong because it is one table.\"\"\"\n" + filled));
  CHECK(is_long_file("x\n// Long because it is one table.\n" + filled));

  const std::string body = repeated("  if (x) {\n  }\n", kFunctionLines / 2);
  CHECK(long_functions("int f(int a,\n      int b) {\n" + body + "}\n").size() == 1);
  CHECK(long_functions("int f(int a,\n      int b) {\n" + body + "}\n")[0].line == 1);
  CHECK(
      long_functions("class C {\n  void f() {\n" + repeated("    x;\n", 80) + "  }\n};\n").size() ==
      1);
  CHECK(long_functions("// Is long. Long because it is a table.\nint f() {\n" + body + "}\n")
            .empty());
  CHECK(long_functions("// Long because it is a table.\n\nint f() {\n" + body + "}\n").size() == 1);
  CHECK(long_functions("TEST_CASE(\"a\") {\n  x = R\"(\n}\n)\";\n" + body + "}\n").size() == 1);
  CHECK(long_functions("namespace a {\n" + repeated("int f() {\n}\n", 80) + "}\n").empty());
  CHECK(long_functions("int f() {\n" + repeated("  x;\n", kFunctionLines - 2) + "}\n").empty());
}

TEST_CASE("sizes: the member functions of a class are counted") {
  const std::string source =
      "class C : public D {\n public:\n  C() = default;\n  explicit C(int a)\n      : a_(a) {\n"
      "    if (a) {\n      b();\n    }\n  }\n  ~C();\n  C(const C&) = delete;\n"
      "  // f(x);\n  std::map<int, std::string> f(int a,\n      int b) const;\n"
      "  bool operator==(const C&) const = default;\n  const T& operator()(int) { return g(); }\n"
      "  struct E {\n    void h();\n  };\n  friend void i();\n  int a_ = j();\n"
      "  std::vector<int> b_{k()};\n  using F = int (*)(int);\n};\nint l();\n";
  const std::vector<Class> classes = classes_of(source);
  REQUIRE(classes.size() == 2);
  CHECK(classes[0].name == "C");
  CHECK(classes[0].line == 1);
  CHECK(classes[0].functions == 2);
  CHECK(classes[1].name == "E");
  CHECK(classes[1].functions == 1);
}

TEST_CASE("sizes: a class has at most 40 member functions") {
  for (const std::string& path : repository_files()) {
    if (!path.ends_with(".cpp") && !path.ends_with(".h")) continue;
    for (const Class& found : classes_of(read_file(path))) {
      if (found.functions > kMemberFunctions) {
        FAIL_CHECK(path << ":" << found.line << ": " << found.functions
                        << " member functions: give an idea of " << found.name
                        << " a class of its own");
      }
    }
  }
}

TEST_CASE("sizes: files have at most 500 lines and functions at most 80, or say why not") {
  for (const std::string& path : repository_files()) {
    const bool is_cpp = path.ends_with(".cpp") || path.ends_with(".h");
    if (!is_cpp && !path.ends_with(".py") && !path.ends_with(".sh") && !path.ends_with(".java") &&
        path != "do") {
      continue;
    }
    const std::string source = read_file(path);
    if (is_long_file(source)) {
      FAIL_CHECK(path << ": " << lines_of(source).size()
                      << " lines: give a part that has a name "
                         "of its own a file of its own");
    }
    if (!is_cpp) continue;
    for (const Function& function : long_functions(source)) {
      FAIL_CHECK(path << ":" << function.line << ": " << function.lines
                      << " lines: give a step of it a name: " << function.signature);
    }
  }
}
}  // namespace
}  // namespace tocsin::tests
