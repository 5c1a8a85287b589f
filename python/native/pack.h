/// A pack of the C interface.
#pragma once
#include <nanobind/nanobind.h>
#include <tocsin.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tocsin::python {
struct FreePack {
  void operator()(tocsin_pack* pack) const { tocsin_pack_free(pack); }
};
class Pack {
 public:
  explicit Pack(tocsin_pack* pack) : pack_(pack) {}
  const tocsin_pack* get() const { return pack_.get(); }
  /// tocsin_pack_describe().
  nanobind::bytes describe() const;
  /// tocsin_pack_list_tests().
  nanobind::bytes list_tests() const;
  /// tocsin_pack_run_test(); the interpreter's lock is free while it works.
  nanobind::bytes run_test(std::size_t number) const;
  /// tocsin_pack_explain().
  nanobind::bytes explain(const std::string& rule, const std::string& options) const;

 private:
  std::unique_ptr<tocsin_pack, FreePack> pack_;
};
/// The pack, None where the rules have errors, and the diagnostics as JSON lines.
using Loaded = std::pair<nanobind::object, nanobind::bytes>;
/// tocsin_pack_load_files().
Loaded load_files(const std::vector<std::string>& paths, const std::string& options);
/// tocsin_pack_load_texts() of names and contents.
Loaded load_texts(const std::vector<std::pair<std::string, nanobind::bytes>>& texts,
                  const std::string& options);

void bind_pack(nanobind::module_& module);
}  // namespace tocsin::python
