/// Sentences of the rule language's grammar, production by production. Only the random_syntax*.cpp
/// files include it.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/support/random.h"
#include "tests/support/random_syntax.h"

namespace tocsin::tests {
class SyntaxWriter {
 public:
  SyntaxWriter(Random& random, const SyntaxOptions& options) : random_(random), options_(options) {}
  std::string file();

 private:
  void put(std::string_view token);
  void comment();
  bool chance(std::size_t percent) { return random_.chance(percent); }
  template <typename Item>
  void many(std::size_t percent, const Item& item, std::string_view separator) {
    item();
    while (chance(percent)) {
      put(separator);
      item();
    }
  }
  template <typename Item>
  void entries(const Item& item) {
    if (chance(10)) return;
    many(50, item, ",");
    if (chance(30)) put(",");
  }

  // ---- words, expressions, patterns (random_syntax_expr.cpp)
  // Any word, but for those that the place excludes; those are back-quoted.
  void name(std::initializer_list<std::string_view> excluded = {});
  void step_name(bool counted);
  void kindref();
  void kinds();
  // In an aggregate a kind stands where an operand may.
  void kinds_or_variables();
  void step_kinds(bool counted);
  void duration();
  void string();
  void integer();
  void zone();
  void where();
  // ---- expressions
  void expr();
  void choice();
  void conj();
  void neg();
  void comparison();
  void sum();
  void product();
  void unary();
  void operand_name();
  void primary();
  void aggregate();
  void parameter();
  void unless();
  void window();
  void window_where();
  // ---- patterns
  void pattern();
  void absence();
  void step();

  // ---- declarations (random_syntax.cpp)
  void literal();
  void record();
  void word();
  void type();
  void table();
  void field();
  void event();
  void kind();
  void list();
  void features();
  void declaration();
  void key_members();
  void keyed_window();

  // ---- rules (random_syntax_rule.cpp)
  void rule();
  void each();
  void after();
  void by();
  void when();
  void without();
  void after_match();
  void except();
  void once();
  void alert();
  void clause(int which);
  void test();

  Random& random_;
  const SyntaxOptions options_;
  std::string out_;
  std::size_t comments_ = 0;  // written so far
  int depth_ = 0;
};
}  // namespace tocsin::tests
