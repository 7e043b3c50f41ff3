public import Files
import Foundation
import SwiftProtobuf

/// The numbers of a run as a file that TensorBoard opens: TFRecords of `Event` messages.
public final class TensorBoardLog {
  private let file: AppendedFile

  /// Starts a file in `folder`, beside those of earlier runs if there are any.
  ///
  /// - Parameters:
  ///   - step: the step that the run resumes after; nil if it begins. TensorBoard then forgets what earlier files say
  ///     about later steps.
  ///   - time: seconds since 1970.
  public init(folder: String, resumingAfter step: Int? = nil, time: Double) throws(InputError) {
    file = try Self.newFile(in: folder, time: time)
    try write(time: time) { $0.fileVersion = "brain.Event:2" }
    guard let step else { return }
    try write(step: step + 1, time: time) { event in event.sessionLog = .with { $0.status = .start } }
  }

  /// Adds values, each under its tag; `train/loss` appears in the group `train`.
  public func write(step: Int, time: Double, _ values: [(String, Double)]) throws(InputError) {
    try summary(step, time) { summary in
      summary.value = values.map { tag, value in
        .with { ($0.tag, $0.simpleValue) = (tag, Float(value)) }
      }
    }
  }

  /// Adds a text, which TensorBoard shows as Markdown.
  public func write(step: Int, time: Double, _ tag: String, text: String) throws(InputError) {
    try summary(step, time) { summary in
      summary.value = [
        .with { value in
          value.tag = tag
          value.metadata.pluginData.pluginName = "text"
          value.tensor = .with { tensor in
            tensor.dtype = 7  // DT_STRING
            tensor.tensorShape.dim = [.with { $0.size = 1 }]
            tensor.stringVal = [Data(text.utf8)]
          }
        }
      ]
    }
  }

  /// Adds how often values fall into each of 30 equal parts of their range; those not finite are left out.
  public func write(step: Int, time: Double, _ tag: String, histogram values: [Double]) throws(InputError) {
    let finite = values.filter { abs($0) <= 1e300 }
    let bins = Series.histograms([(tag, finite)])[0]
    guard case .bins(let width) = bins.style else { return }  // nothing to count
    try summary(step, time) { summary in
      summary.value = [
        .with { value in
          value.tag = tag
          value.histo = .with { histogram in
            (histogram.min, histogram.max) = (finite.min() ?? 0, finite.max() ?? 0)
            histogram.num = Double(finite.count)
            histogram.sum = finite.reduce(0, +)
            histogram.sumSquares = finite.reduce(0) { $0 + $1 * $1 }
            histogram.bucketLimit = bins.points.map { $0.x + width / 2 }
            histogram.bucket = bins.points.map(\.y)
          }
        }
      ]
    }
  }

  /// Adds a PNG image of three channels.
  public func write(
    step: Int, time: Double, _ tag: String, png: [UInt8], width: Int, height: Int
  ) throws(InputError) {
    try summary(step, time) { summary in
      summary.value = [
        .with { value in
          value.tag = tag
          value.image = .with { image in
            (image.width, image.height, image.colorspace) = (Int32(width), Int32(height), 3)
            image.encodedImageString = Data(png)
          }
        }
      ]
    }
  }

  /// Returns when everything written is on the disk.
  public func sync() throws(InputError) { try file.sync() }

  private func summary(_ step: Int, _ time: Double, _ fill: (inout Tensorboard_Summary) -> Void) throws(InputError) {
    try write(step: step, time: time) { $0.summary = .with(fill) }
  }

  private func write(step: Int = 0, time: Double, _ fill: (inout Tensorboard_Event) -> Void) throws(InputError) {
    var event = Tensorboard_Event()
    (event.step, event.wallTime) = (Int64(step), time)
    fill(&event)
    do {
      let bytes: [UInt8] = try event.serializedBytes()
      try file.append(tfRecord(bytes))
    } catch let error as InputError {
      throw error
    } catch {
      // A message has a limit of 2 GiB.
      throw InputError(path: file.path, expected: "an event that protobuf can hold", found: "\(error)")
    }
  }

  /// TensorBoard reads every file whose name holds `tfevents`, in the order of their names.
  private static func newFile(in folder: String, time: Double) throws(InputError) -> AppendedFile {
    let process = ProcessInfo.processInfo
    let seconds = "\(Int(time))"
    let host = process.hostName.split(separator: "/").joined()
    let padded = String(repeating: "0", count: max(0, 10 - seconds.count)) + seconds
    let name = "\(folder)/events.out.tfevents.\(padded).\(host).\(process.processIdentifier)"
    // Runs that start within one second in one process are told apart by a last number.
    for number in 0..<1000 where !fileExists("\(name).\(number)") {
      return try AppendedFile("\(name).\(number)", existing: .refused)
    }
    return try AppendedFile("\(name).1000", existing: .refused)
  }
}
