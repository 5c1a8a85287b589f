/// What the words of the language mean, a sentence each, and where docs/language.md says more.
#pragma once
#include <span>
#include <string_view>

namespace tocsin::library {
enum class WordClass : unsigned char { kDeclaration, kClause, kFunction, kAggregate, kOther };

struct WordDoc {
  std::string_view word;
  WordClass of = WordClass::kOther;
  std::string_view form;     // how it is written
  std::string_view meaning;  // a sentence
  std::string_view section;  // of docs/language.md, as an anchor
};
/// All of them; a word that is of several classes stands here several times.
std::span<const WordDoc> word_docs();
/// What is known of a word of this class; null where nothing is.
const WordDoc* find_word(std::string_view word, WordClass of);
/// The same of any class; a clause before a declaration before others.
const WordDoc* find_word(std::string_view word);
}  // namespace tocsin::library
