// The person in a photo takes a new pose, in the page itself: an exported network on ONNX Runtime Web.
//
// model.onnx is written by `posetransfer export onnx default -o model.onnx --joints`; it takes `photo` (uint8, 1 x height x width x 3),
// `source_joints` and `target_joints` (float32, 1 x 18 x 2, NaN = missing) and gives `picture`, of the photo's shape.
// model.json is `posetransfer info default --json`: the size that the network was trained at, and what stands behind the person.

const ORT = './node_modules/onnxruntime-web/dist/'; // a content delivery network's address of the same folder works too
const PEOPLE = '../people/';

const SOURCES = { '00005_c1_01': 'Striped sleeves', '00010_c1_02': 'Black dress', '00011_c1_00': 'Pink dress', '00006_c1_02': 'White shirt, jeans' };
const POSES = {
  '00005_c1_03': 'A step', '00010_c1_02': 'Arms in the air', '00005_c1_01': 'Hand on the head',
  '00011_c1_02': 'Arms down', '00011_c1_00': 'Hands behind the back', '00010_c1_03': 'From the side', '00006_c1_01': 'From behind',
};

const JOINTS = ['nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist', 'right_hip',
  'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear'];
const LIMBS = [[1, 2], [2, 3], [3, 4], [1, 5], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12], [12, 13], [1, 0], [0, 14],
  [14, 16], [0, 15], [15, 17]];

const $ = (id) => document.getElementById(id);
const sessions = {}; // runtime -> { ort, session }, made when first asked for
let model; // { size: [height, width], backdrop, backdrop_colour }
let own = null; // { photo, source, target } of the user's files
let queue = Promise.resolve(); // a session computes one picture at a time

/** A file beside the page, or one sentence on what is missing. */
async function get(address, advice = '') {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} is not there. ${advice}`.trim());
  return answer;
}

/** The first person of a pose file, posetransfer's own or OpenPose with 18 joints, scaled to a picture of `height` x `width`:
    Float32Array of 18 (x, y) in pixels, NaN = missing. A pixel's centre lies at whole numbers. */
function readPose(file, [height, width], name) {
  const person = file.people?.[0];
  const flat = person?.pose_keypoints_2d;
  if (!person || (flat && flat.length !== 54)) throw new Error(`${name}: no pose of 18 joints; make one with posetransfer pose.`);
  const [tall, wide] = file.size ?? [file.canvas_height ?? height, file.canvas_width ?? width];
  return Float32Array.from(JOINTS.flatMap((joint, i) => {
    const [x, y] = (flat ? flat[3 * i + 2] > 0 && flat.slice(3 * i) : person[joint]) || [NaN, NaN];
    return [(x + 0.5) * width / wide - 0.5, (y + 0.5) * height / tall - 0.5];
  }));
}

/** Any picture the browser reads as RGBA pixels, resized to [height, width] unless it has that size. */
function pixels(image, [height, width]) {
  const pen = new OffscreenCanvas(width, height).getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(image, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height);
}

const picture = async (address) => createImageBitmap(await (await get(address)).blob());

const REACH = 3; // pixels: so far from a pixel of the outline the photo's own background is looked for

/** The photo's background at a pixel of the outline: the mean colour of what is no person near it, or null. */
function behind({ data, width, height }, share, x, y) {
  const sum = [0, 0, 0];
  let count = 0;
  for (let row = Math.max(0, y - REACH); row <= Math.min(height - 1, y + REACH); row++) {
    for (let column = Math.max(0, x - REACH); column <= Math.min(width - 1, x + REACH); column++) {
      const i = 4 * (row * width + column);
      if (share[i] > 0) continue;
      count++;
      for (let channel = 0; channel < 3; channel++) sum[channel] += data[i + channel];
    }
  }
  return count ? sum.map((total) => total / count) : null;
}

/** A shipped person, before the colour that the network was trained with, if it was: ImageData of the network's size.
    At the outline a pixel is part person, part photographed background; that part is exchanged, so that no light rim remains. */
async function shippedPhoto(name) {
  const [photo, mask] = await Promise.all([picture(`${PEOPLE}images/${name}.jpg`), picture(`${PEOPLE}masks/${name}.png`)]);
  const image = pixels(photo, model.size);
  if (model.backdrop !== 'plain') return image;
  const share = pixels(mask, model.size).data;
  const old = { data: image.data.slice(), width: image.width, height: image.height };
  for (let i = 0; i < image.data.length; i += 4) {
    if (share[i] === 255) continue;
    const part = share[i] / 255;
    const background = part && behind(old, share, (i / 4) % image.width, Math.floor(i / 4 / image.width));
    for (let channel = 0; channel < 3; channel++) {
      const person = background ? old.data[i + channel] - (1 - part) * background[channel] : part * old.data[i + channel];
      image.data[i + channel] = person + (1 - part) * model.backdrop_colour[channel]; // rounded and kept in 0 to 255 by the array
    }
  }
  return image;
}

const shippedPose = async (name) => readPose(await (await get(`${PEOPLE}poses/${name}.json`)).json(), model.size, name);

/** The three files that `posetransfer transfer --inputs` writes. */
async function ownFiles(files) {
  const named = Object.fromEntries([...files].map((file) => [file.name, file]));
  const missing = ['photo.png', 'source.json', 'target.json'].filter((name) => !named[name]);
  if (missing.length) throw new Error(`${missing.join(', ')} missing: choose the three files of the folder that posetransfer transfer --inputs wrote.`);
  const photo = await createImageBitmap(named['photo.png']);
  const [height, width] = model.size;
  if (photo.height !== height || photo.width !== width) {
    throw new Error(`photo.png has ${photo.width} x ${photo.height} pixels, this network reads ${width} x ${height}; write it with posetransfer transfer --inputs.`);
  }
  const pose = async (name) => readPose(JSON.parse(await named[name].text()), model.size, name);
  return { photo: pixels(photo, model.size), source: await pose('source.json'), target: await pose('target.json') };
}

/** ONNX Runtime with the network, on `wasm` or `webgpu`. */
async function open(runtime) {
  sessions[runtime] ??= (async () => {
    const ort = await import(`${ORT}ort.${runtime}.min.mjs`).catch((error) => {
      throw new Error(`ONNX Runtime Web cannot be loaded (${error.message}); run npm ci in the folder of this page.`);
    });
    const bytes = await (await get('model.onnx', 'Write it beside this page: posetransfer export onnx default -o model.onnx --joints')).arrayBuffer();
    const session = await ort.InferenceSession.create(bytes, { executionProviders: [runtime] });
    if (!session.inputNames.includes('source_joints')) throw new Error('model.onnx reads no joints; export it with --joints.');
    return { ort, session };
  })();
  sessions[runtime].catch(() => delete sessions[runtime]); // what failed is tried anew
  return sessions[runtime];
}

/** The network: ImageData and two poses in, ImageData out. */
async function transfer(runtime, photo, source, target) {
  const { ort, session } = await open(runtime);
  const { width, height } = photo;
  const start = performance.now();
  const { picture } = await session.run({
    photo: new ort.Tensor('uint8', photo.data.filter((_, i) => i % 4 < 3), [1, height, width, 3]),
    source_joints: new ort.Tensor('float32', source, [1, 18, 2]),
    target_joints: new ort.Tensor('float32', target, [1, 18, 2]),
  });
  const result = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) result.data.set([...picture.data.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  return { result, seconds: (performance.now() - start) / 1000, threads: runtime === 'wasm' ? ort.env.wasm.numThreads || 1 : 0 };
}

function paint(id, image) {
  Object.assign($(id), { width: image.width, height: image.height });
  $(id).getContext('2d').putImageData(image, 0, 0);
}

function drawPose(id, joints, { width, height }) {
  const at = (i) => [joints[2 * i], joints[2 * i + 1]];
  const colour = (i) => `hsl(${20 * i} 90% 58%)`;
  const known = (i) => !at(i).some(Number.isNaN);
  const thick = height / 50;
  const lines = LIMBS.filter((limb) => limb.every(known)).map(([a, b]) => `<line x1="${at(a)[0]}" y1="${at(a)[1]}" x2="${at(b)[0]}" y2="${at(b)[1]}"
    stroke="${colour(b)}" stroke-width="${thick}" opacity=".75"/>`);
  const dots = JOINTS.map((_, i) => i).filter(known).map((i) => `<circle cx="${at(i)[0]}" cy="${at(i)[1]}" r="${0.7 * thick}" fill="${colour(i)}"/>`);
  $(id).setAttribute('viewBox', `-0.5 -0.5 ${width} ${height}`);
  $(id).innerHTML = [...lines, ...dots].join('');
}

function say(state, text) {
  $('status').textContent = text;
  $('status').dataset.state = state;
}

/** One picture for what is chosen now; an error is one sentence below the pictures. */
async function show() {
  try {
    const [person, pose] = [$('person').value, $('pose').value];
    const photo = person === 'own' ? own.photo : await shippedPhoto(person);
    const source = person === 'own' ? own.source : await shippedPose(person);
    const target = pose === 'own' ? own.target : await shippedPose(pose);
    paint('source', photo);
    drawPose('source-pose', source, photo);
    drawPose('target-pose', target, photo);
    $('joints').textContent = `${target.filter((x) => !Number.isNaN(x)).length / 2} of 18 joints`;
    const { result, seconds, threads } = await transfer($('runtime').value, photo, source, target).catch((error) => {
      if ($('runtime').value === 'wasm') throw error;
      $('runtime').value = 'wasm'; // a browser that offers WebGPU may still lack what the network needs
      return transfer('wasm', photo, source, target);
    });
    paint('result', result);
    const where = threads ? `WebAssembly, ${threads} thread${threads > 1 ? 's' : ''}` : 'WebGPU';
    say('done', `${result.width} x ${result.height} pixels in ${seconds.toFixed(2)} s on ${where}.`);
  } catch (error) {
    say('error', error.message);
  }
}

function next() {
  say('busy', 'Painting …'); // at once: the choice was understood
  queue = queue.then(show);
}

/** Names into a choice; `own` stands for the user's files. */
function fill(id, names) {
  $(id).replaceChildren(...Object.entries(names).map(([value, text]) => new Option(text, value)));
}

async function start() {
  fill('person', SOURCES);
  fill('pose', POSES);
  model = (await (await get('model.json', 'Write it beside this page: posetransfer info default --json > model.json')).json()).model;
  for (const stage of document.querySelectorAll('.stage')) stage.style.aspectRatio = `${model.size[1]} / ${model.size[0]}`;
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter) $('runtime').append(new Option('WebGPU', 'webgpu'));
  if (adapter && !adapter.info?.isFallbackAdapter) $('runtime').value = 'webgpu'; // a fallback adapter is a GPU emulated by the processor
  for (const id of ['person', 'pose', 'runtime']) $(id).onchange = next;
  $('bones').onchange = () => $('source-pose').classList.toggle('hidden', !$('bones').checked);
  $('files').onchange = async () => {
    say('busy', 'Reading the files …');
    try {
      own = await ownFiles($('files').files);
    } catch (error) {
      return say('error', error.message);
    }
    fill('person', { own: 'Your photo', ...SOURCES });
    fill('pose', { own: 'Your pose', ...POSES });
    next();
  };
  next();
}

start().catch((error) => say('error', error.message));
