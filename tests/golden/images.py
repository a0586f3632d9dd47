#!/usr/bin/python3
"""Makes tests/golden/images/: small pictures in many formats, each with what Pillow decodes it to (NAME.ppm beside NAME),
and tables of what Pillow's resize and torchvision's transforms give for a picture made by a formula. Run it in tests/golden:
the files that it writes are kept, so that the tests need no Python."""
import io, struct, sys, zlib
import numpy as np, torch, torchvision.transforms as T
from PIL import Image, ImageOps

OUT = 'images/'


def formula(height, width):
    """Smooth in places, sharp in others. The same stands in tests/data/image.c."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing='ij')
    return Image.fromarray(((x * 7 + y * 13 + c * 50) ^ (x * y >> 3)).astype(np.uint8))


def fnv(data):
    h = 0xcbf29ce484222325
    for b in data:
        h = (h ^ b) * 0x100000001b3 & (1 << 64) - 1
    return h


def keep(name, data, expected=None):
    """Writes the file and what Pillow sees in it; `expected` where Pillow has no 8-bit view of its own."""
    open(OUT + name, 'wb').write(data)
    seen = expected or Image.open(OUT + name).convert('RGB')
    seen.save(OUT + name + '.ppm')


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, extra=b'', interlace=0):
    """A PNG of any depth and colour type, which Pillow cannot write: rows are packed bytes."""
    header = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, interlace)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra +
            chunk(b'IDAT', zlib.compress(b''.join(b'\0' + r for r in rows))) + chunk(b'IEND', b''))


def packed(values, depth):
    """Rows of samples as PNG packs them."""
    bits = ''.join(format(v, '0%db' % depth) for v in values)
    bits += '0' * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def interlaced(array):
    """Adam7: the rows of the seven passes of a (H, W, channels) 8-bit array."""
    for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
        part = array[y0::dy, x0::dx]
        if part.size:
            yield from (row.tobytes() for row in part)


def bmp(width, height, bits, rows, masks=(), down=False):
    """A BMP that Pillow does not write: 16 bits, or the upper row first."""
    header = struct.pack('<IiiHHIIiiII', 40, width, -height if down else height, 1, bits, 3 if masks else 0, 0, 0, 0, 0, 0)
    header += b''.join(struct.pack('<I', mask) for mask in masks)
    begin = 14 + len(header)
    body = b''.join(r + b'\0' * (-len(r) % 4) for r in rows)
    return b'BM' + struct.pack('<IHHI', begin + len(body), 0, 0, begin) + header + body


def further_pictures():
    """BMP, GIF, WebP and TIFF."""
    rgb = formula(17, 23)
    gray, array = rgb.convert('L'), np.asarray(rgb).astype(np.uint16)
    smooth = formula(40, 52).resize((23, 17), Image.BICUBIC)
    rgba = rgb.copy()
    rgba.putalpha(gray)
    palette, few = rgb.quantize(200), rgb.quantize(11)
    keep('rgb.bmp', saved(rgb, 'BMP'))
    keep('rgba.bmp', saved(rgba, 'BMP'))
    keep('gray.bmp', saved(gray, 'BMP'))
    keep('bilevel.bmp', saved(gray.convert('1'), 'BMP'))
    keep('palette.bmp', saved(palette, 'BMP'))
    five, six = array >> 3, array >> 2
    rows = (five[:, :, 0] << 10 | five[:, :, 1] << 5 | five[:, :, 2]).astype('<u2')
    keep('rgb555.bmp', bmp(23, 17, 16, [r.tobytes() for r in rows]))
    rows = (five[:, :, 0] << 11 | six[:, :, 1] << 5 | five[:, :, 2]).astype('<u2')
    keep('rgb565.bmp', bmp(23, 17, 16, [r.tobytes() for r in rows], masks=(0xf800, 0x7e0, 0x1f)))
    keep('down.bmp', bmp(23, 17, 24, [r[:, ::-1].astype(np.uint8).tobytes() for r in array], down=True))
    keep('palette.gif', saved(palette, 'GIF'))
    keep('interlaced.gif', saved(few, 'GIF', interlace=1))
    keep('transparent.gif', saved(few, 'GIF', transparency=3))
    keep('frames.gif', saved(few, 'GIF', save_all=True, append_images=[few.rotate(180)], duration=100))
    keep('lossless.webp', saved(rgb, 'WEBP', lossless=True))
    keep('lossy.webp', saved(smooth, 'WEBP', quality=80))
    exif = Image.Exif()
    exif[0x0112] = 6
    keep('turned.webp', saved(rgb, 'WEBP', lossless=True, exif=exif.tobytes()))
    keep('raw.tiff', saved(rgb, 'TIFF'))
    for kind in ('lzw', 'adobe_deflate', 'packbits'):
        keep('tiff_%s.tiff' % kind, saved(rgb, 'TIFF', compression='tiff_' + kind))
    keep('gray.tiff', saved(gray, 'TIFF'))
    keep('bilevel.tiff', saved(gray.convert('1'), 'TIFF'))
    keep('palette.tiff', saved(palette, 'TIFF'))
    keep('turned.tiff', saved(rgb, 'TIFF', tiffinfo={0x0112: 6}))


def pictures():
    rgb = formula(17, 23)
    gray = rgb.convert('L')
    smooth = formula(40, 52).resize((23, 17), Image.BICUBIC)
    keep('420.jpg', saved(smooth, 'JPEG', quality=90))
    keep('422.jpg', saved(smooth, 'JPEG', quality=80, subsampling='4:2:2'))
    keep('444.jpg', saved(smooth, 'JPEG', quality=95, subsampling='4:4:4'))
    keep('progressive.jpg', saved(smooth, 'JPEG', quality=85, progressive=True))
    keep('gray.jpg', saved(smooth.convert('L'), 'JPEG', quality=90))
    cmyk = Image.fromarray(np.dstack([np.asarray(smooth), 255 - np.asarray(gray)]), 'CMYK')
    keep('cmyk.jpg', saved(cmyk, 'JPEG', quality=90))
    data = bytearray(saved(cmyk, 'JPEG', quality=90))
    data[data.index(b'Adobe') + 11] = 2  # says YCCK: other colours, but decoders must agree on them
    keep('ycck.jpg', bytes(data))
    data = saved(smooth, 'JPEG', quality=95, subsampling='4:4:4')
    keep('rgb.jpg', data[:2] + b'\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0' + data[20:])  # stored as RGB, says Adobe's marker
    # Components sampled 1x2, 2x1, 1x1, which neither Pillow writes nor TurboJPEG has a name for. Made once, of 420.jpg.ppm, by
    # cjpeg -quality 90 -sample 1x2,2x1,1x1
    keep('odd.jpg', open(OUT + 'odd.jpg', 'rb').read())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees; torchvision's loader does not
    keep('turned.jpg', saved(smooth, 'JPEG', quality=90, exif=exif))

    keep('rgb.png', saved(rgb, 'PNG'))
    rgba = rgb.copy()
    rgba.putalpha(gray)
    keep('rgba.png', saved(rgba, 'PNG'))
    keep('gray.png', saved(gray, 'PNG'))
    keep('gray_alpha.png', saved(rgba.convert('LA'), 'PNG'))
    keep('palette.png', saved(rgb.convert('P', palette=Image.ADAPTIVE, colors=200), 'PNG'))
    keep('palette4.png', saved(rgb.quantize(11), 'PNG', bits=4))
    keep('palette_transparent.png', saved(rgb.quantize(20), 'PNG', transparency=3))
    keep('bilevel.png', saved(gray.convert('1'), 'PNG'))
    keep('rgb_transparent.png', saved(rgb, 'PNG', transparency=(0, 50, 100)))
    for depth in (2, 4):
        rows = [packed([int(v) >> (8 - depth) for v in row], depth) for row in np.asarray(gray)]
        keep('gray%d.png' % depth, png(23, 17, depth, 0, rows))
    keep('interlaced.png', png(23, 17, 8, 2, interlaced(np.asarray(rgb)), interlace=1))
    wide = np.asarray(rgb).astype(np.uint16) * 256 + np.arange(23).astype(np.uint16)[None, :, None] * 11
    keep('rgb16.png', png(23, 17, 16, 2, [r.astype('>u2').tobytes() for r in wide]))
    # Pillow clips 16-bit gray to 255 instead of scaling it; the upper byte is meant, as with 16-bit RGB.
    keep('gray16.png', png(23, 17, 16, 0, [r[:, 0].astype('>u2').tobytes() for r in wide]),
         Image.fromarray(np.asarray(rgb)[:, :, 0]).convert('RGB'))

    open(OUT + 'huge.png', 'wb').write(png(60000, 60000, 8, 2, []))
    open(OUT + 'hollow.png', 'wb').write(png(16000, 16000, 8, 2, []))
    # rgb.png with a text of a mebibyte in front of the pixels, which takes a kibibyte in the file
    text = chunk(b'zTXt', b'Comment\0\0' + zlib.compress(b'a' * (1 << 20), 9))
    open(OUT + 'text.png', 'wb').write(png(23, 17, 8, 2, [r.tobytes() for r in np.asarray(rgb)], extra=text))

    keep('raw.ppm', b'P6\n# a comment\n23 # another\n17\n255\n' + rgb.tobytes())
    keep('raw.pgm', b'P5 23 17 255\n' + gray.tobytes())
    small = (np.asarray(gray) // 5).astype(np.uint8)
    keep('raw51.pgm', b'P5 23 17 51\n' + small.tobytes())
    keep('raw16.ppm', b'P6 23 17 65535 ' + wide.astype('>u2').tobytes())
    keep('plain.pgm', b'P2 23 17 51\n' + b' '.join(b'%d' % v for v in small.flat))
    numbers = b' '.join(b'%d' % v for v in np.asarray(rgb)[:3].flat)
    keep('plain.ppm', b'P3\n23 3\n#c\n255\n' + numbers + b'\n')


def upright():
    """Pictures of every orientation, and what Pillow makes of them; upright.txt lists them."""
    names = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x010f] = 'maker'  # tags stand before and after the one that counts
        exif[0x0112] = orientation
        exif[0x0132] = '2026:11:30 12:00:00'
        picture = formula(9 + orientation, 14)
        for name, data in (('upright%d.jpg' % orientation, saved(picture, 'JPEG', quality=95, exif=exif)),
                           ('upright%d.png' % orientation, saved(picture, 'PNG', exif=exif))):
            keep(name, data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB'))
            names.append(name + '\n')
    data = saved(formula(10, 14), 'JPEG', exif=b'Exif\0\0II*\0' + struct.pack('<IHHHIHHI', 8, 1, 0x0112, 3, 1, 8, 0, 0))
    keep('upright_little.jpg', data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB'))
    open(OUT + 'upright.txt', 'w').writelines(names + ['upright_little.jpg\n'])


def resizes():
    for sh, sw, h, w in ((1, 1, 1, 1), (1, 1, 3, 5), (5, 7, 1, 1), (17, 23, 17, 23), (17, 23, 17, 9), (17, 23, 40, 23),
                         (37, 53, 10, 61), (96, 71, 31, 40), (32, 32, 224, 224), (375, 500, 256, 341), (333, 500, 232, 348),
                         (600, 47, 3, 200), (1200, 1600, 256, 341)):
        result = formula(sh, sw).resize((w, h), Image.BILINEAR)
        yield '%d %d %d %d %016x\n' % (sh, sw, h, w, fnv(result.tobytes()))


def preprocesses():
    imagenet = (.485, .456, .406), (.229, .224, .225)
    other = (.4914, .4822, .4465), (.2470, .2435, .2616)
    for sh, sw, resize, crop, (mean, std) in (
            (375, 500, 256, 224, imagenet), (500, 333, 232, 224, imagenet), (32, 32, 32, 32, other), (91, 60, 40, 33, other),
            (60, 91, 39, 32, other), (60, 90, 37, 60, other), (60, 90, 20, 31, other), (90, 60, 20, 24, imagenet),
            (33, 33, 20, 31, imagenet), (63, 64, 47, 40, imagenet)):
        transform = T.Compose([T.Resize(resize), T.CenterCrop(crop), T.ToTensor(), T.Normalize(mean, std)])
        result = transform(formula(sh, sw)).contiguous().numpy().astype('<f4')
        yield '%d %d %d %d %s %016x %.9g\n' % (sh, sw, resize, crop, ' '.join('%.4f' % v for v in mean + std),
                                              fnv(result.tobytes()), np.abs(result.astype(np.float64)).mean())


def views():
    """What torchvision's TenCrop makes of a picture, all of a resized picture, and either with Pillow's bicubic filter."""
    norm = (.485, .456, .406), (.229, .224, .225)
    for sh, sw, resize, crop, kind, bicubic in ((375, 500, 256, 224, 'ten', 0), (500, 375, 235, 224, 'ten', 1),
                                                (60, 91, 39, 32, 'ten', 0), (91, 60, 32, 32, 'ten', 0), (40, 61, 50, 33, 'ten', 1),
                                                (60, 91, 39, 32, 'whole', 0), (91, 60, 47, 32, 'whole', 1), (5, 9, 40, 8, 'whole', 1),
                                                (375, 500, 288, 288, 'centre', 1), (17, 40, 60, 55, 'centre', 1)):
        mode = T.InterpolationMode.BICUBIC if bicubic else T.InterpolationMode.BILINEAR
        cut = {'ten': T.TenCrop(crop), 'whole': lambda image: [image], 'centre': lambda image: [T.CenterCrop(crop)(image)]}[kind]
        finish = T.Compose([T.ToTensor(), T.Normalize(*norm)])
        result = torch.stack([finish(view) for view in cut(T.Resize(resize, mode)(formula(sh, sw)))])
        result = result.contiguous().numpy().astype('<f4')
        yield '%d %d %d %d %d %d %d %d %d %016x %.9g\n' % (
            sh, sw, resize, crop, ('centre', 'ten', 'whole').index(kind), bicubic, result.shape[0], result.shape[2], result.shape[3],
            fnv(result.tobytes()), np.abs(result.astype(np.float64)).mean())


if __name__ == '__main__':
    pictures()
    further_pictures()
    upright()
    open(OUT + 'resize.txt', 'w').writelines(resizes())
    open(OUT + 'preprocess.txt', 'w').writelines(preprocesses())
    open(OUT + 'views.txt', 'w').writelines(views())
