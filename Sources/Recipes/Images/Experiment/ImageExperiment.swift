import Files
import Reports

/// The image experiment from settings to report: the tokenizer first, then generators side by side, all kept one by
/// one, so that an interrupted one goes on.
public struct ImageExperiment {
  /// Its folder and settings.
  public let store: CellStore<ImageSettings, ImageOutcome>

  /// Opens the folder of an experiment, or begins it.
  ///
  /// - Throws: `InputError` if the folder holds another experiment, or the data is not there.
  public init(folder: String, settings: ImageSettings) throws {
    _ = try settings.testPictures()
    store = try CellStore(folder: folder, settings: settings)
  }

  /// Runs the cells that are not finished yet.
  ///
  /// - Parameters:
  ///   - jobs: generators side by side, each in a process of its own.
  ///   - worker: command line of the process that runs one cell, from its name and the number of its neighbours.
  /// - Throws: `WorkerFailure`.
  public func run(jobs: Int, worker: @escaping @Sendable (_ cell: String, _ jobs: Int) -> [String]) throws {
    try store.run([ImageSettings.tokenizerCell], title: "classifier and tokenizer", jobs: 1) { worker($0, 1) }
    try store.run(store.settings.cells.map(\.name), title: "generators", jobs: jobs) { worker($0, jobs) }
  }

  /// Writes `report.html`, `table.md` and `figure.svg` into the folder and returns the report, of what is finished.
  public func report(command: String) throws -> ImageReport {
    guard case .tokenizer(let tokenizer) = try store.result(of: ImageSettings.tokenizerCell) else {
      throw InputError(
        path: store.folder, expected: "a finished tokenizer", found: "none", remedy: "Run without --report first.")
    }
    var outcomes = [ImageCell: GeneratorOutcome]()
    for cell in store.settings.cells {
      if case .generator(let outcome) = try store.result(of: cell.name) { outcomes[cell] = outcome }
    }
    let summary = ImageSummary(settings: store.settings, tokenizer: tokenizer, outcomes: outcomes)
    let report = ImageReport(summary: summary, folder: ImageFolder(root: store.folder), command: command)
    try store.write(page: report.page, markdown: report.markdown, figure: summary.distanceChart)
    return report
  }
}
