import Reports

/// One of the paper's claims and what these outcomes say about it.
struct ClaimFinding {
  /// `K6`
  let id: String
  /// The claim in the paper's sense.
  let claim: String
  /// What was found, in words that claim no more than the numbers do.
  let finding: String
  /// How it is marked.
  let outcome: Verdict.Outcome
}

extension [ClaimFinding] {
  /// Tables and findings for the terminal.
  func text(after tables: [Table], _ terminal: Terminal) -> String {
    (tables.map { $0.text(terminal: terminal) }
      + map { "\(terminal.styled($0.id, .bold)) \($0.claim)\n   \($0.finding)" })
      .joined(separator: "\n\n") + "\n"
  }

  /// The command, tables and findings for `docs/experiments/`.
  func markdown(after tables: [Table], command: String) -> String {
    "```\n\(command)\n```\n\n" + tables.map(\.markdown).joined(separator: "\n") + "\n"
      + map { "- **\($0.id)** \($0.claim) \($0.finding)\n" }.joined()
  }

  /// A verdict each at the head of a page.
  func show(on page: inout HTMLReport) {
    for finding in self { page.verdict("\(finding.id): \(finding.claim)", finding.finding, finding.outcome) }
  }
}
