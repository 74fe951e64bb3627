// Shows openapi.json as a page, and sends requests to this server under the sign-in that the browser has.
'use strict';

const make = (tag, attributes = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children.filter((child) => child != null));
  return element;
};

const typeOf = (schema, api) => {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(one, api)).join(' | ');
  if (schema.type === 'array') return `[${typeOf(schema.items, api)}]`;
  return [].concat(schema.type || 'any').join(' | ');
};

const fields = (schema, api) => {
  const name = schema?.$ref?.split('/').pop();
  const known = name && api.components.schemas[name];
  if (!known?.properties) return null;
  const rows = Object.entries(known.properties).map(([field, its]) =>
    make('tr', {}, make('td', {}, make('code', {}, field)), make('td', {}, typeOf(its, api)), make('td', {}, its.description || '')));
  return make('details', {}, make('summary', {}, name), make('div', {}, make('table', {}, ...rows),
    ...Object.values(known.properties).map((its) => fields(its.items || its, api))));
};

const bodyOf = (part) => part?.content?.['application/json']?.schema;

const operation = (path, method, its, api) => {
  const inputs = new Map();
  const input = (parameter) => {
    const choices = parameter.schema?.enum;
    const element = choices
      ? make('select', {}, make('option', { value: '' }), ...choices.map((choice) => make('option', {}, choice)))
      : make('input', { type: 'text' });
    inputs.set(parameter, element);
    return element;
  };
  const parameters = (its.parameters || []).map((parameter) =>
    make('tr', {}, make('td', {}, make('code', {}, parameter.name)), make('td', {}, parameter.in),
      make('td', {}, parameter.description || ''), make('td', {}, input(parameter))));
  const sent = bodyOf(its.requestBody);
  const body = sent && make('textarea', { rows: 5, value: '{}' });
  const output = make('pre', { hidden: true });
  const send = async () => {
    const query = new URLSearchParams();
    let address = path;
    for (const [parameter, element] of inputs) {
      if (parameter.in === 'path') address = address.replace(`{${parameter.name}}`, encodeURIComponent(element.value));
      else if (element.value) query.append(parameter.name, element.value);
    }
    if (query.size) address += `?${query}`;
    output.hidden = false;
    try {
      const answer = await fetch(address, { method: method.toUpperCase(), body: body?.value });
      output.textContent = `${answer.status} ${answer.statusText}\n${await answer.text()}`;
    } catch (error) {
      output.textContent = String(error);
    }
  };
  const answers = Object.entries(its.responses).map(([code, answer]) =>
    make('tr', {}, make('td', {}, code), make('td', {}, answer.description || ''), make('td', {}, typeOf(bodyOf(answer), api))));
  const good = Object.entries(its.responses).find(([code]) => code.startsWith('2'))?.[1];
  return make('details', {},
    make('summary', {}, make('span', { className: 'method' }, method.toUpperCase()), make('code', {}, path), ` ${its.summary || ''}`),
    make('div', {},
      its.description ? make('p', {}, its.description) : null,
      parameters.length ? make('table', {}, ...parameters) : null,
      sent ? fields(sent, api) : null,
      body || null,
      fields(bodyOf(good), api),
      make('table', {}, ...answers),
      path === '/api/stream' ? null : make('button', { onclick: send }, 'Send'),
      output));
};

const show = async () => {
  const api = await (await fetch('/api/openapi.json')).json();
  document.getElementById('version').textContent = api.info.version;
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, its] of Object.entries(methods)) {
      const tag = its.tags?.[0] || '';
      groups.set(tag, [...(groups.get(tag) || []), operation(path, method, its, api)]);
    }
  }
  const main = document.getElementById('operations');
  for (const [tag, operations] of groups) main.append(make('h2', {}, tag), ...operations);
};

show().catch((error) => document.getElementById('operations').append(String(error)));
