#include "import/print.h"

#include <iomanip>
#include <ostream>
#include <string>

namespace shop {
namespace {

void PrintRefused(std::ostream& out, const api::v1::ImportReport& report) {
  out << "refused rows\n";
  for (const api::v1::RefusedRow& row : report.refused()) {
    out << "  line " << std::setw(6) << row.line() << "  invoice " << std::setw(8) << std::left
        << row.invoice() << std::right << std::setw(12)
        << (row.amount().empty() ? "?" : row.amount()) << "  " << row.reason() << '\n';
  }
  out << '\n';
}

void PrintTotal(std::ostream& out, const char* what, const std::string& count,
                const std::string& amount) {
  out << "  " << std::left << std::setw(14) << what << std::right << std::setw(8) << count
      << std::setw(18) << amount << '\n';
}

}  // namespace

void Print(std::ostream& out, const api::v1::ImportReport& report) {
  if (!report.refused().empty()) PrintRefused(out, report);
  out << "totals in GBP, read back from the log\n";
  PrintTotal(out, "orders", std::to_string(report.orders()), report.orders_total());
  PrintTotal(out, "credit notes", std::to_string(report.credit_notes()),
             "- " + report.credit_notes_total());
  PrintTotal(out, "refused rows", std::to_string(report.refused_size()), report.refused_total());
  PrintTotal(out, "the file", std::to_string(report.rows()), report.file_total());
  for (const std::string& invoice : report.mismatched()) {
    out << "  the log has invoice " << invoice << " with another total\n";
  }
  out << (report.reconciled() ? "they reconcile" : "THEY DO NOT RECONCILE") << "; new were "
      << report.new_orders() << " orders and " << report.new_credit_notes() << " credit notes\n";
}

std::function<void(size_t done, size_t total)> ProgressBar(std::ostream& out) {
  return [&out](size_t done, size_t total) {
    constexpr size_t kWidth = 40;
    const size_t filled = total == 0 ? kWidth : done * kWidth / total;
    out << "\r[" << std::string(filled, '#') << std::string(kWidth - filled, ' ') << "] " << done
        << '/' << total << (done == total ? "\n" : "") << std::flush;
  };
}

}  // namespace shop
