// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import Recipes
public import TokenData
import TokenModels
import TorchNN

/// Boxes as Qwen-VL writes them: `{"bbox_2d": [112, 40, 305, 288]}`, left, top, right, bottom.
public enum NamedBoxes: Sendable, Hashable, Codable {
  /// In pixels of the image as the processor resizes it: Qwen2.5-VL.
  case pixels(PatchTransform)
  /// In thousandths of the image's sides: Qwen3-VL.
  case thousandths

  /// A question in the words that these models know, with `{}` in the place of the expression.
  public static let question = "Locate {}, output its bbox coordinates using JSON format."

  /// Those of the model in a folder.
  ///
  /// - Throws: `InputError` for a model that is neither, and for a preparation of images that is not supported.
  public init(model folder: String) throws {
    guard let model = try describeModel(folder: folder) as? QwenVL,
      case .patches(_, _, let frames) = model.imageTokenCount
    else {
      throw InputError(
        path: folder + "/config.json", place: "key model_type", expected: QwenVL.modelTypes.joined(separator: " or "),
        found: "another", remedy: "Boxes of other models lie on a grid: --grid.")
    }
    self =
      model.configuration.writesPixels
      ? .pixels(try PatchTransform(ImagePreparation.configuration(folder: folder), frames: frames)) : .thousandths
  }

  /// Units along the width and the height of a row's image, and the largest coordinates.
  private func scale(of row: ReferringRow) -> (x: Double, y: Double, right: Int, bottom: Int) {
    switch self {
    case .thousandths: return (1000 / row.width, 1000 / row.height, 1000, 1000)
    case .pixels(let transform):
      let (height, width) = (Int(row.height.rounded()), Int(row.width.rounded()))  // bounded: at most 1e6
      // An image that no model reads is refused where it is read.
      let size = (try? transform.size(height: height, width: width, path: row.image)) ?? (height: height, width: width)
      return (Double(size.width) / row.width, Double(size.height) / row.height, size.width, size.height)
    }
  }

  /// The right answer.
  func answer(_ row: ReferringRow) -> String {
    let scale = scale(of: row)
    func whole(_ value: Double, _ limit: Int) -> String {
      "\(min(limit, max(0, Int(value.rounded()))))"  // bounded: within the image
    }
    let corners = [
      whole(row.box.x1 * scale.x, scale.right), whole(row.box.y1 * scale.y, scale.bottom),
      whole(row.box.x2 * scale.x, scale.right), whole(row.box.y2 * scale.y, scale.bottom),
    ]
    return "{\"bbox_2d\": [\(corners.joined(separator: ", "))]}"
  }

  /// The box that an answer means, in pixels of the row's image: the first four numbers behind its key, or of an answer
  /// without one.
  ///
  /// - Returns: nil if there are fewer, or they are no box.
  func box(_ answer: String, for row: ReferringRow) -> BoundingBox? {
    let said = answer.firstRange(of: "bbox_2d").map { String(answer[$0.upperBound...]) } ?? answer
    let numbers = NumberGrammar(thousands: .never).numbers(in: said).prefix(4).map(\.value), scale = scale(of: row)
    guard numbers.count == 4 else { return nil }
    return BoundingBox([
      numbers[0] / scale.x, numbers[1] / scale.y, numbers[2] / scale.x, numbers[3] / scale.y,
    ])
  }
}
