import Files
import Foundation
public import Reports

/// The report of a reward experiment: tables beside the paper's, pictures, and what they say about its claims.
public struct RewardReport {
  let summary: RewardSummary
  /// The command that makes it again.
  let command: String

  /// The figures, one row an arm.
  public var table: Table {
    let figures = summary.figures
    var table = Table(
      "Reward models, \(summary.settings.seeds.count) seeds",
      columns: [Table.Column("objective"), Table.Column("what it is")]
        + figures.map { Table.Column(summary.name($0), alignment: .right) }
        + [Table.Column("paper, RewardBench", alignment: .right)],
      notes: [
        "95 % intervals by the bootstrap over questions and seeds. Test pairs: two responses to one question, by the overall score they were given; ties count half.",
        "The paper's column is another benchmark and a model sixty times as large: it shows an order, not a target.",
      ])
    for arm in summary.arms {
      let cells = figures.map { figure -> Table.Cell in
        guard let mean = summary.mean(figure, arm) else { return .missing }
        guard let interval = summary.interval(figure, arm) else { return .number(mean) }
        return .interval(mean, interval)
      }
      let paper = PaperRewards.average[arm.name].map { Table.Cell.percent($0 / 100) } ?? .missing
      table.add([.text(arm.name), .text(arm.title)] + cells + [paper])
    }
    for (index, figure) in figures.enumerated() {
      table.emphasizeBest(figure.lowerIsBetter ? .lowest : .highest, in: index + 2)
    }
    return table
  }

  /// Table 6.
  var alphaTable: Table? {
    let alphas = summary.alphas
    guard alphas.count >= 3 else { return nil }
    var table = Table(
      "Accuracy on the test's pairs by α (Table 6)",
      columns: ["α", "here", "paper"].map { Table.Column($0, alignment: .right) })
    for (alpha, accuracy) in alphas {
      let paper = PaperRewards.byAlpha.first { $0.alpha == alpha }.map { Table.Cell.percent($0.accuracy / 100) }
      table.add([.text("\(alpha)"), .mean(accuracy), paper ?? .missing])
    }
    return table
  }

  /// Table 7.
  var forgettingTable: Table? {
    guard summary.figures.contains(.mmlu) else { return nil }
    var table = Table(
      "MMLU before and after (Table 7)",
      columns: [Table.Column("model")]
        + ["here", "paper"].map { Table.Column($0, alignment: .right) },
      notes: [
        "\(summary.settings.questions) questions, no examples before them, log-likelihood of the letters; chance is 25 %. The paper does not state its protocol."
      ])
    for arm in summary.arms {
      guard let mean = summary.mean(.mmlu, arm), let interval = summary.interval(.mmlu, arm) else { continue }
      table.add([
        .text(arm.name), .interval(mean, interval), PaperRewards.mmlu[arm.name].map { .percent($0 / 100) } ?? .missing,
      ])
    }
    return table
  }

  private var tables: [Table] { [table, alphaTable, forgettingTable].compactMap { $0 } }

  /// For the terminal.
  public func text(_ terminal: Terminal) -> String { summary.findings.text(after: tables, terminal) }

  /// For `docs/experiments/`.
  public var markdown: String { summary.findings.markdown(after: tables, command: command) }

  /// `report.html`
  public var page: HTMLReport {
    let shown = ["sft", "dist"]
    var page = HTMLReport(
      "Reward models that know how far apart scores are",
      subtitle: "\(URL(filePath: summary.settings.path).lastPathComponent), seeds "
        + summary.settings.seeds.map(String.init).joined(separator: ", "))
    summary.findings.show(on: &page)
    page.table(table)
    page.figures([summary.accuracyBars])
    page.section("Score by score")
    page.figures([summary.calibration(shown), summary.histogram(shown)])
    if let alphaTable, let curve = summary.alphaCurve {
      page.section("The weight α")
      page.table(alphaTable)
      page.figures([curve])
    }
    if let forgettingTable {
      page.section("What is forgotten")
      page.table(forgettingTable)
    }
    addPairs(&page, shown)
    page.section("Settings")
    page.code(command, caption: "The command that makes this again")
    page.details("The run file") { $0.code(summary.settings.run) }
    return page
  }

  /// Qualitative pairs, as in Fig. 5: the first questions of the test file, not chosen ones.
  private func addPairs(_ page: inout HTMLReport, _ names: [String]) {
    guard let arm = summary.arms.first(where: { names.contains($0.name) }),
      let responses = summary.seeds(arm).first.flatMap({ summary.outcome(arm, $0) })?.responses
    else { return }
    page.section("Pairs")
    page.paragraph("The first questions of the test file, best and worst response by people's scores.")
    for (better, worse) in summary.examplePairs(3) {
      page.code(responses[better].prompt, caption: "Question")
      for index in [better, worse] {
        let response = responses[index]
        page.code(
          response.response, caption: "\(index == better ? "Better" : "Worse") response, given \(response.truth[0])")
        if let bars = summary.beliefs(names, index) { page.figures([bars]) }
      }
    }
  }
}
