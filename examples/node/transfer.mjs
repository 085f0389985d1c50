// The person in a photo takes a new pose, without Python:
//     node transfer.mjs MODEL.onnx PHOTO.png SOURCE.json TARGET.json OUT.png
//
// MODEL is written by `posetransfer export onnx default -o MODEL.onnx --joints`; photo and poses by `posetransfer transfer ... --inputs DIR`.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { PNG } from 'pngjs';

const JOINTS = ['nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist', 'right_hip',
  'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear'];

/** What `parse` makes of a file; its errors name the file. */
function read(path, parse) {
  try { return parse(readFileSync(path)); } catch (error) { throw new Error(`${path}: ${error.message}`); }
}

/** The first person of a pose file, posetransfer's own or OpenPose with 18 joints: (1, 18, 2) as (x, y) in pixels, NaN = missing. */
function readPose(path, height, width) {
  const file = read(path, JSON.parse);
  const person = file.people?.[0];
  const flat = person?.pose_keypoints_2d;
  if (!person || (flat && flat.length !== 54)) throw new Error(`${path}: no pose of 18 joints; make one with posetransfer pose.`);
  const [tall, wide] = file.size ?? [file.canvas_height ?? height, file.canvas_width ?? width];
  const points = JOINTS.flatMap((name, i) => {
    const [x, y] = (flat ? flat[3 * i + 2] > 0 && flat.slice(3 * i) : person[name]) || [NaN, NaN];
    return [(x + 0.5) * width / wide - 0.5, (y + 0.5) * height / tall - 0.5]; // a pixel's centre lies at whole numbers
  });
  return new Tensor('float32', Float32Array.from(points), [1, 18, 2]);
}

/** uint8 (1, height, width, 3) out of a PNG of any kind; what is transparent is refused, the network has no word for it. */
function readPhoto(path) {
  const { width, height, data } = read(path, (bytes) => PNG.sync.read(bytes)); // RGBA
  if (width % 4 || height % 4) throw new Error(`${path}: ${width} x ${height}; both sides must be divisible by 4.`);
  if (data.some((value, i) => i % 4 === 3 && value < 255)) throw new Error(`${path}: is partly transparent; put it over one colour.`);
  return new Tensor('uint8', data.filter((_, i) => i % 4 < 3), [1, height, width, 3]);
}

function writePicture(path, { dims: [, height, width], data }) {
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) png.data.set([data[3 * i], data[3 * i + 1], data[3 * i + 2], 255], 4 * i);
  writeFileSync(`${path}.part`, PNG.sync.write(png));
  renameSync(`${path}.part`, path); // never half a picture
}

try {
  const [model, photoFile, sourceFile, targetFile, out] = process.argv.slice(2);
  if (!out) throw new Error('usage: node transfer.mjs MODEL.onnx PHOTO.png SOURCE.json TARGET.json OUT.png');
  const photo = readPhoto(photoFile);
  const [, height, width] = photo.dims;
  const [source_joints, target_joints] = [sourceFile, targetFile].map((path) => readPose(path, height, width));
  const session = await InferenceSession.create(model);
  if (!session.inputNames.includes('source_joints')) throw new Error(`${model}: reads no joints; export it with --joints.`);
  const { picture } = await session.run({ photo, source_joints, target_joints });
  writePicture(out, picture);
  console.log(`${out}: ${width} x ${height} pixels`);
} catch (error) {
  console.error(`error: ${error.message.replace(/\s+/g, ' ')}`);
  process.exitCode = 1;
}
