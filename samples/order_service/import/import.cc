#include "import/import.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daybook/event.h"
#include "daybook/status.h"

namespace shop {
namespace {

// What became of an invoice.
struct Outcome {
  bool imported = false;  // now or before
  bool is_new = false;
  int64_t expected_minor = 0;  // what its accepted rows add up to
  int64_t stored_minor = 0;    // what the log has
  std::vector<RefusedRow> refused = {};
};

RefusedRow Refused(const Invoice& invoice, const BookRow& row, const absl::Status& reason) {
  return {.line = row.line,
          .invoice = invoice.number,
          .reason = std::string(reason.message()),
          .amount = row.amount};
}

absl::Status Fill(Order& order, const Invoice& invoice, std::vector<RefusedRow>* refused) {
  absl::Status placed =
      order.Place(invoice.customer_id, kBookCurrency, invoice.first_at, invoice.country);
  if (!placed.ok()) return placed;
  for (const BookRow& row : invoice.rows) {
    const absl::Status added = order.AddLine(row.item);
    if (!added.ok()) refused->push_back(Refused(invoice, row, added));
  }
  absl::Status paid = order.Pay(order.lines().total_minor(), kBookCurrency,
                                absl::StrCat("invoice ", invoice.number), invoice.last_at);
  if (!paid.ok()) return paid;
  return order.Ship("not in the book", "", invoice.last_at);
}

absl::Status Fill(CreditNote& note, const Invoice& invoice, std::vector<RefusedRow>* refused) {
  absl::Status opened =
      note.Open(invoice.customer_id, kBookCurrency, invoice.first_at, invoice.country);
  if (!opened.ok()) return opened;
  for (const BookRow& row : invoice.rows) {
    const absl::Status returned = note.ReturnItem(row.item);
    if (!returned.ok()) refused->push_back(Refused(invoice, row, returned));
  }
  return note.Issue(invoice.last_at);
}

bool IsStoreFailure(const absl::Status& status) {
  return daybook::IsFromDaybook(status) || absl::IsInternal(status);
}

// The rows that Fill() did not come to.
void RefuseTheRest(const Invoice& invoice, const absl::Status& reason, Outcome* outcome) {
  std::set<int64_t> refused;
  for (const RefusedRow& row : outcome->refused) refused.insert(row.line);
  for (const BookRow& row : invoice.rows) {
    if (refused.count(row.line) == 0) outcome->refused.push_back(Refused(invoice, row, reason));
  }
}

template <typename A>
absl::StatusOr<Outcome> ImportOne(daybook::Repository<A>& repository, const Invoice& invoice,
                                  const daybook::ExecuteOptions& options) {
  Outcome outcome;
  const auto committed = repository.Execute(
      invoice.number,
      [&](A& found) {
        A scratch;  // an invoice that is there is not touched; this tells what it was made from
        outcome = {.is_new = found.version() == daybook::Version(0)};
        A& target = outcome.is_new ? found : scratch;
        absl::Status filled = Fill(target, invoice, &outcome.refused);
        outcome.expected_minor = target.lines().total_minor();
        return filled;
      },
      options);
  if (IsStoreFailure(committed.status())) return committed.status();
  if (!committed.ok()) {
    RefuseTheRest(invoice, committed.status(), &outcome);
    return outcome;
  }
  const auto stored = repository.Load(invoice.number);
  if (!stored.ok()) return stored.status();
  outcome.imported = true;
  outcome.stored_minor = stored->lines().total_minor();
  return outcome;
}

// The invoices, shared out among threads.
class Workers {
 public:
  Workers(Shop& shop, const RetailBook& book, const ImportOptions& options)
      : shop_(shop), book_(book), options_(options), outcomes_(book.invoices.size()) {
    execute_.cause.set_actor("import");
    execute_.cause.set_correlation_id(daybook::EventId::Generate().ToString());
  }

  absl::StatusOr<std::vector<Outcome>> Run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options_.threads; ++i) threads.emplace_back([this] { Work(); });
    }
    if (!failure_.ok()) return failure_;
    return std::move(outcomes_);
  }

 private:
  void Work() {
    for (size_t at = next_++; at < outcomes_.size(); at = next_++) {
      const Invoice& invoice = book_.invoices[at];
      auto outcome = invoice.is_return() ? ImportOne(shop_.credit_notes, invoice, execute_)
                                         : ImportOne(shop_.orders, invoice, execute_);
      const std::lock_guard lock(mutex_);
      if (!outcome.ok()) {
        failure_.Update(outcome.status());
        next_ = outcomes_.size();
        return;
      }
      outcomes_[at] = *std::move(outcome);
      if (options_.on_progress) options_.on_progress(++done_, outcomes_.size());
    }
  }

  Shop& shop_;
  const RetailBook& book_;
  const ImportOptions& options_;
  daybook::ExecuteOptions execute_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;  // guards what follows
  std::vector<Outcome> outcomes_;
  absl::Status failure_;
  size_t done_ = 0;
};

void CopyRefused(std::vector<RefusedRow> refused, api::v1::ImportReport* report) {
  std::sort(refused.begin(), refused.end(),
            [](const RefusedRow& a, const RefusedRow& b) { return a.line < b.line; });
  for (const RefusedRow& row : refused) {
    api::v1::RefusedRow* view = report->add_refused();
    view->set_line(row.line);
    view->set_invoice(row.invoice);
    view->set_reason(row.reason);
    if (row.amount.has_value()) view->set_amount(row.amount->ToString());
  }
}

Decimal Sum(const std::vector<RefusedRow>& refused) {
  Decimal sum;
  for (const RefusedRow& row : refused) {
    sum = sum.Plus(row.amount.value_or(Decimal())).value_or(Decimal());
  }
  return sum;
}

api::v1::ImportReport ReportOf(const RetailBook& book, const std::vector<Outcome>& outcomes) {
  api::v1::ImportReport report;
  std::vector<RefusedRow> refused = book.unreadable;
  int64_t orders_minor = 0, credit_notes_minor = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    refused.insert(refused.end(), outcome.refused.begin(), outcome.refused.end());
    if (!outcome.imported) continue;
    if (outcome.stored_minor != outcome.expected_minor) {
      report.add_mismatched(book.invoices[i].number);
    }
    if (book.invoices[i].is_return()) {
      credit_notes_minor += outcome.stored_minor;
      report.set_credit_notes(report.credit_notes() + 1);
      report.set_new_credit_notes(report.new_credit_notes() + outcome.is_new);
    } else {
      orders_minor += outcome.stored_minor;
      report.set_orders(report.orders() + 1);
      report.set_new_orders(report.new_orders() + outcome.is_new);
    }
  }
  const Decimal refused_total = Sum(refused);
  const auto accounted =
      Decimal::FromHundredths(orders_minor - credit_notes_minor).Plus(refused_total);
  report.set_rows(book.rows);
  report.set_orders_total(Decimal::FromHundredths(orders_minor).ToString());
  report.set_credit_notes_total(Decimal::FromHundredths(credit_notes_minor).ToString());
  report.set_refused_total(refused_total.ToString());
  report.set_file_total(book.total.ToString());
  report.set_reconciled(report.mismatched().empty() && accounted == book.total);
  CopyRefused(std::move(refused), &report);
  return report;
}

}  // namespace

absl::StatusOr<api::v1::ImportReport> Import(Shop& shop, const RetailBook& book,
                                             const ImportOptions& options) {
  auto outcomes = Workers(shop, book, options).Run();
  if (!outcomes.ok()) return outcomes.status();
  return ReportOf(book, *outcomes);
}

}  // namespace shop
