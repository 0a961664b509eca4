// Documents, each with the calls that FlutterFlow made of it. `petstore` has the operations of the
// Petstore document 3.0, reduced to what an import depends on. Its calls are facts, read from the
// published code of an app that imported the document. The others are small documents for one rule
// each, whose outcomes were seen in imports of other documents.

const text = { type: 'string' };
const id = { type: 'integer', format: 'int64' };
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema) => ({ content: { 'application/json': { schema } } });
const inPath = (name, schema = id) => ({ name, in: 'path', required: true, schema });
const inQuery = (name, schema = text) => ({ name, in: 'query', schema });
const inHeader = (name) => ({ name, in: 'header', schema: text });
const oauth = { petstore_auth: ['write:pets', 'read:pets'] };
const withExample = (schema, example) => ({ ...schema, example });

const petstoreDocument = {
  openapi: '3.0.4',
  info: { title: 'Swagger Petstore', version: '1' },
  servers: [{ url: 'https://petstore3.swagger.io/api/v3' }],
  paths: {
    '/pet': {
      put: { tags: ['pet'], operationId: 'updatePet', security: [oauth], requestBody: json(ref('Pet')) },
      post: { tags: ['pet'], operationId: 'addPet', security: [oauth], requestBody: json(ref('Pet')) },
    },
    '/pet/findByStatus': {
      get: {
        operationId: 'findPetsByStatus', security: [oauth],
        parameters: [inQuery('status', { type: 'string', default: 'available', enum: ['available', 'pending', 'sold'] })],
      },
    },
    '/pet/findByTags': {
      get: { operationId: 'findPetsByTags', security: [oauth], parameters: [inQuery('tags', { type: 'array', items: text })] },
    },
    '/pet/{petId}': {
      get: { operationId: 'getPetById', parameters: [inPath('petId')], security: [{ api_key: [] }, oauth] },
      post: { operationId: 'updatePetWithForm', parameters: [inPath('petId'), inQuery('name'), inQuery('status')], security: [oauth] },
      delete: { operationId: 'deletePet', parameters: [inHeader('api_key'), inPath('petId')], security: [oauth] },
    },
    '/pet/{petId}/uploadImage': {
      post: {
        operationId: 'uploadFile', parameters: [inPath('petId'), inQuery('additionalMetadata')], security: [oauth],
        requestBody: { content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } },
      },
    },
    '/store/inventory': { get: { operationId: 'getInventory', security: [{ api_key: [] }] } },
    '/store/order': { post: { operationId: 'placeOrder', requestBody: json(ref('Order')) } },
    '/user': { post: { operationId: 'createUser', requestBody: json(ref('User')) } },
    '/user/createWithList': {
      post: { operationId: 'createUsersWithListInput', requestBody: json({ type: 'array', items: ref('User') }) },
    },
    '/user/login': { get: { operationId: 'loginUser', parameters: [inQuery('username'), inQuery('password')] } },
    '/user/{username}': { put: { operationId: 'updateUser', parameters: [inPath('username', text)], requestBody: json(ref('User')) } },
  },
  components: {
    schemas: {
      Category: { type: 'object', properties: { id: withExample(id, 1), name: withExample(text, 'Dogs') } },
      Tag: { type: 'object', properties: { id, name: text } },
      Pet: {
        type: 'object',
        properties: {
          id: withExample(id, 10), name: withExample(text, 'doggie'), category: ref('Category'),
          photoUrls: { type: 'array', items: text }, tags: { type: 'array', items: ref('Tag') },
          status: { type: 'string', enum: ['available', 'pending', 'sold'] },
        },
      },
      Order: {
        type: 'object',
        properties: {
          id: withExample(id, 10), petId: withExample(id, 198772), quantity: withExample(id, 7),
          shipDate: { type: 'string', format: 'date-time' }, status: withExample(text, 'approved'), complete: { type: 'boolean' },
        },
      },
      User: {
        type: 'object',
        properties: {
          id: withExample(id, 10), username: withExample(text, 'theUser'), firstName: withExample(text, 'John'),
          lastName: withExample(text, 'James'), email: withExample(text, 'john@email.com'),
          password: withExample(text, '12345'), phone: withExample(text, '12345'), userStatus: withExample(id, 1),
        },
      },
    },
    securitySchemes: {
      petstore_auth: { type: 'oauth2', flows: {} },
      api_key: { type: 'apiKey', name: 'api_key', in: 'header' },
    },
  },
};

const pet = {
  id: 10, name: 'doggie', category: { id: 1, name: 'Dogs' }, photoUrls: [''], tags: [{ id: 0, name: '' }], status: 'available',
};
const user = {
  id: 10, username: 'theUser', firstName: 'John', lastName: 'James', email: 'john@email.com', password: '12345',
  phone: '12345', userStatus: 1,
};
const petId = { petId: 'int' };

/** A call without headers, query and variables, unless they are given. */
const made = (name, method, url, more = {}) => ({ name, method, url, headers: {}, query: {}, variables: {}, ...more });
const sending = (body) => ({ bodyType: 'JSON', body: body && JSON.stringify(body, null, 2) });

const petstore = {
  title: 'the Petstore document',
  document: petstoreDocument,
  group: { name: 'Swagger Petstore', baseUrl: 'https://petstore3.swagger.io/api/v3' },
  calls: [
    made('updatePet', 'PUT', '/pet', sending(pet)),
    made('addPet', 'POST', '/pet', sending(pet)),
    made('findPetsByStatus', 'GET', '/pet/findByStatus', { query: { status: '[status]' }, variables: { status: 'String' } }),
    made('findPetsByTags', 'GET', '/pet/findByTags', { query: { tags: '[tags]' }, variables: { tags: 'List<String>' } }),
    made('getPetById', 'GET', '/pet/[petId]', { headers: { api_key: '[api_key]' }, variables: { ...petId, api_key: 'String' } }),
    made('updatePetWithForm', 'POST', '/pet/[petId]', { variables: { ...petId, name: 'String', status: 'String' }, ...sending(null) }),
    made('deletePet', 'DELETE', '/pet/[petId]', { headers: { api_key: '[api_key]' }, variables: { api_key: 'String', ...petId } }),
    made('uploadFile', 'POST', '/pet/[petId]/uploadImage', { variables: { ...petId, additionalMetadata: 'String' }, ...sending(null) }),
    made('getInventory', 'GET', '/store/inventory', { headers: { api_key: '[api_key]' }, variables: { api_key: 'String' } }),
    made('placeOrder', 'POST', '/store/order', sending({ id: 10, petId: 198772, quantity: 7, shipDate: '', status: 'approved', complete: false })),
    made('createUser', 'POST', '/user', sending(user)),
    made('createUsersWithListInput', 'POST', '/user/createWithList', sending([user])),
    made('loginUser', 'GET', '/user/login', {
      query: { username: '[username]', password: '[password]' }, variables: { username: 'String', password: 'String' },
    }),
    made('updateUser', 'PUT', '/user/[username]', { variables: { username: 'String' }, ...sending(user) }),
  ],
};

/** A document with one path. */
function small(title, item, calls, more = {}) {
  const document = { openapi: '3.0.3', info: { title: 'Small' }, servers: [{ url: 'https://a.example' }], paths: { '/x': item }, ...more };
  return { title, document, group: { name: 'Small', baseUrl: 'https://a.example' }, calls };
}

const bearer = { components: { securitySchemes: { theToken: { type: 'http', scheme: 'bearer' } } } };
const withToken = { headers: { Authorization: 'Bearer [theToken]' }, variables: { theToken: 'String' } };
const form = (schema) => ({ content: { 'multipart/form-data': { schema } } });

export const CALIBRATION = [
  petstore,
  small('a call without operationId has its summary as name', { get: { summary: 'Show all' } }, [made('Show all', 'GET', '/x')]),
  small('a call without any name has its path and method', { get: {} }, [made('/x GET', 'GET', '/x')]),
  small('a bearer scheme is a header, and its key the name of the variable',
    { get: { operationId: 'one', security: [{ theToken: [] }] }, post: { operationId: 'two' } },
    [made('one', 'GET', '/x', withToken), made('two', 'POST', '/x', sending(null))], bearer),
  small('a global scheme is on every call', { get: { operationId: 'one' } }, [made('one', 'GET', '/x', withToken)],
    { ...bearer, security: [{ theToken: [] }] }),
  small('parameters of the path get lost beside those of the operation',
    { parameters: [inQuery('lost')], get: { operationId: 'one', parameters: [inQuery('kept')] } },
    [made('one', 'GET', '/x', { query: { kept: '[kept]' }, variables: { kept: 'String' } })]),
  small('a body of allOf gets lost, and a form with files has no fields',
    {
      post: { operationId: 'one', requestBody: json({ allOf: [{ type: 'object', properties: { a: text } }] }) },
      put: { operationId: 'two', requestBody: form({ type: 'object', properties: { a: text } }) },
    },
    [made('one', 'POST', '/x', sending(null)), made('two', 'PUT', '/x', { bodyType: 'Multipart', body: null })]),
];
